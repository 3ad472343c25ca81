"""Deletes a run's cluster when the run ended without doing so.

A detached process that waits for the end of the run's controller. A kept stack it leaves alone. It imports little, for
it starts beside every fresh cluster and almost always has nothing to do.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.cluster import COMMAND_FAILED
from pytest_plexdev.stack.model import KEPT_MARK
from pytest_plexdev.stack.private_files import read_note, write_private
from pytest_plexdev.stack.processes import ProcessId
from pytest_plexdev.stack.python import environment_of_user, module_command
from pytest_plexdev.stack.signals import reset_signals
from pytest_plexdev.stack.system_errors import system_errors

_FILE: Final = "reaper.json"
_ENDS: Final = 2.0
"""Seconds in which it ends when it is told to."""
_LOG: Final = "reaper.log"
_TRIES_FOR: Final = 300.0
"""Seconds: an engine that is being restarted is back by then."""
_PAUSE: Final = 2.0


@dataclass(frozen=True)
class _Order:
    name: str
    directory: str
    owner: tuple[int, int]
    run_directory: str | None


def watch_over(
    name: str, directory: Path, owner: ProcessId, run_directory: Path | None, *, beside: Sequence[socket.socket] = ()
) -> None:
    """Start the reaper of a cluster, and return once it watches.

    Args:
        beside: ``::1`` at the cluster's ports, which Docker publishes on 127.0.0.1 alone. The reaper has them open for
            as long as it watches, so nobody answers there in the cluster's place.

    Raises:
        PlexdevError: ``command-failed``: nothing would delete the cluster of a run that is killed.
    """
    order = _Order(name, str(directory), (owner.pid, owner.started), str(run_directory) if run_directory else None)
    argv = module_command("pytest_plexdev.stack.kind.host.reaper")
    with (directory / _LOG).open("wb") as log:
        # It detaches after it has noted itself, so the launcher's end says that it watches.
        launched = subprocess.run(
            argv,
            input=json.dumps(vars(order)).encode(),
            stdout=subprocess.DEVNULL,
            stderr=log,
            env=environment_of_user(),
            start_new_session=True,
            pass_fds=[each.fileno() for each in beside],
            check=False,
        )
    if launched.returncode != 0:
        raise _no_watch(argv, launched.returncode, directory)


def _no_watch(argv: Sequence[str], status: int, directory: Path) -> PlexdevError:
    return PlexdevError(
        COMMAND_FAILED,
        detail=(directory / _LOG).read_text(errors="replace", encoding="utf-8").strip(),
        command=shlex.join(argv),
        status=f"exit status {status}",
        purpose="it deletes the cluster of a run that is killed; without it none is made",
        fix="run it by hand and read what it says",
    )


def dismiss(directory: Path) -> None:
    """End the reaper of the stack in *directory*: its cluster is deleted, or stays."""
    watcher = watcher_of(directory)
    handle = watcher.open() if watcher is not None else None
    if handle is None:
        return
    with handle:
        handle.send(signal.SIGTERM)
        handle.wait(_ENDS)


def watches_over(directory: Path) -> bool:
    """Whether the stack in *directory* has a reaper that will look after what is left of it."""
    watcher = watcher_of(directory)
    return watcher is not None and watcher.is_alive


def watcher_of(directory: Path) -> ProcessId | None:
    """The reaper that the stack in *directory* has or had."""
    with contextlib.suppress(ValueError):
        return ProcessId.noted(read_note(directory / _FILE) or {})
    return None


def main() -> int:
    """Wait for the owner's end, then clean up behind it."""
    reset_signals()
    order = _Order(**json.load(sys.stdin))
    directory = Path(order.directory)
    _detach(directory)
    handle = ProcessId(*order.owner).open()
    if handle is not None:
        with handle:
            handle.wait(None)
    if (directory / KEPT_MARK).exists():
        return 0
    deadline = time.monotonic() + _TRIES_FOR
    while not _is_cleaned_up(order, directory):
        # An engine that does not answer has nothing to wait for either.
        if time.monotonic() > deadline:
            return 1
        time.sleep(_PAUSE)
    return 0


def _is_cleaned_up(order: _Order, directory: Path) -> bool:
    from pytest_plexdev.stack.kind.host import archives, cluster
    from pytest_plexdev.stack.kind.host.place import Place

    try:
        cluster.clear_away(Place(order.name, directory))
    except PlexdevError as error:
        print(error, file=sys.stderr, flush=True)  # noqa: T201
        return False
    archives.remove_left()
    for gone in (directory, order.run_directory):
        if gone is not None:
            shutil.rmtree(gone, ignore_errors=True)
    return True


def _detach(directory: Path) -> None:
    """Become nobody's child, so that no parent has to wait for us; the launcher ends once the note is written."""
    written, noted = os.pipe()
    if os.fork():
        os.close(noted)
        os._exit(0 if os.read(written, 1) else 1)
    me = ProcessId.of(os.getpid())
    write_private(directory / _FILE, json.dumps({"pid": me.pid, "started": me.started}).encode())
    os.write(noted, b"\n")
    os.close(noted)
    os.close(written)


if __name__ == "__main__":
    try:
        with system_errors("watch over the cluster of a test run", near=Path("/")):
            status = main()
    except PlexdevError as refusal:
        sys.exit(str(refusal))
    sys.exit(status)
