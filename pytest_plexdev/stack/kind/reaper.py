"""``python -m pytest_plexdev.stack.kind.reaper``: deletes a run's cluster when the run ended without doing so.

A detached process that waits for the end of the run's controller. A kept stack it leaves alone. It imports little, for
it starts beside every fresh cluster and almost always has nothing to do.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_plexdev.stack.files import write_whole
from pytest_plexdev.stack.model import KEPT_MARK
from pytest_plexdev.stack.processes import ProcessId

_FILE: Final = "reaper.json"
_ENDS: Final = 2.0
"""Seconds in which it ends when it is told to."""
_LEAST: Final = ("PATH", "HOME", "DOCKER_HOST", "DOCKER_CONFIG", "DOCKER_CONTEXT", "XDG_RUNTIME_DIR", "PYTHONPATH")


@dataclass(frozen=True)
class _Order:
    name: str
    directory: str
    owner: tuple[int, int]
    run_directory: str | None


def watch_over(name: str, directory: Path, owner: ProcessId, run_directory: Path | None) -> None:
    """Start the reaper of a cluster, and return once it watches."""
    order = _Order(name, str(directory), (owner.pid, owner.started), str(run_directory) if run_directory else None)
    environment = {variable: os.environ[variable] for variable in _LEAST if variable in os.environ}
    launcher = subprocess.Popen(
        [sys.executable, "-m", "pytest_plexdev.stack.kind.reaper"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
        start_new_session=True,
    )
    # It detaches after it has noted itself, so the launcher's end says that it watches.
    launcher.communicate(json.dumps(vars(order)).encode())


def dismiss(directory: Path) -> None:
    """End the reaper of the stack in *directory*: its cluster is deleted, or stays."""
    watcher = watcher_of(directory)
    pidfd = watcher.open() if watcher is not None else None
    if pidfd is None:
        return
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(pidfd, signal.SIGTERM)
        select.select([pidfd], [], [], _ENDS)
    os.close(pidfd)


def watcher_of(directory: Path) -> ProcessId | None:
    """The reaper that the stack in *directory* has or had."""
    with contextlib.suppress(OSError, ValueError, KeyError):
        said = json.loads((directory / _FILE).read_text())
        return ProcessId(said["pid"], said["started"])
    return None


def main() -> int:
    """Wait for the owner's end, then clean up behind it."""
    order = _Order(**json.load(sys.stdin))
    directory = Path(order.directory)
    _detach(directory)
    pidfd = ProcessId(*order.owner).open()
    if pidfd is not None:
        select.select([pidfd], [], [])
        os.close(pidfd)
    if not (directory / KEPT_MARK).exists():
        _clean_up(order, directory)
    return 0


def _clean_up(order: _Order, directory: Path) -> None:
    from pytest_plexdev.stack.kind import cluster

    place = cluster.Place(order.name, directory)
    container = cluster.find(order.name)
    # Without a container yet a creation may be under way: deleting ends it.
    if container is None or cluster.is_labelled_ours(container) or cluster.is_half_made(place, container):
        cluster.delete(place)
    for gone in (directory, order.run_directory):
        if gone is not None:
            shutil.rmtree(gone, ignore_errors=True)


def _detach(directory: Path) -> None:
    """Become nobody's child, so that no parent has to wait for us; the launcher ends once the note is written."""
    written, noted = os.pipe()
    if os.fork():
        os.close(noted)
        os.read(written, 1)
        os._exit(0)
    me = ProcessId.of(os.getpid())
    write_whole(directory / _FILE, json.dumps({"pid": me.pid, "started": me.started}).encode())
    os.close(noted)
    os.close(written)


if __name__ == "__main__":
    sys.exit(main())
