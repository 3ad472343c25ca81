"""Delete a run's cluster if the run ended without doing so.

A detached process that waits for the end of the run's controller. It leaves a kept stack alone. It imports little,
because one starts for every fresh cluster and almost always has nothing to do.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from pytest_plexdev.core.interpreter import environment_of_user, module_command
from pytest_plexdev.core.model import KEPT_MARK
from pytest_plexdev.core.ownership.lock import Ownership, is_owned, own
from pytest_plexdev.core.ownership.mark import Mark
from pytest_plexdev.core.ownership.process import OwnerProgram
from pytest_plexdev.core.ownership.run_directory import FILES as RUN_FILES
from pytest_plexdev.core.ownership.run_directory import hold as hold_run
from pytest_plexdev.core.poll import poll
from pytest_plexdev.core.private_files import open_private
from pytest_plexdev.core.process_id import ProcessId
from pytest_plexdev.core.program_log import log_start
from pytest_plexdev.core.signals import reset_signals
from pytest_plexdev.core.system_errors import system_errors
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.cluster import COMMAND_FAILED
from pytest_plexdev.stack.kind.constants import CLUSTER_FILES, REAPER_LOG

REAPER: Final = OwnerProgram(
    module="pytest_plexdev.stack.kind.cluster.reaper",
    what="the stack on a kind cluster",
    instead="TMPDIR=/some/directory pytest --plexdev-stack=kind",
)
"""The program that owns the directory of a run's cluster."""
_ENDS: Final = 2.0
"""Seconds within which it ends after SIGTERM."""
_TRIES_FOR: Final = 300.0
"""Seconds for attempts to delete the cluster; an engine that is being restarted needs fewer."""
_PAUSE: Final = 2.0


@dataclass(frozen=True)
class _Order:
    name: str
    directory: str
    owner: tuple[int, int]
    run_directory: str | None


@dataclass(frozen=True)
class _Owned:
    """The directories that the reaper owns: the cluster's, and the run's together with the run's other processes."""

    cluster: Ownership
    run: Ownership | None


def watch_over(
    name: str, directory: Path, owner: ProcessId, run_directory: Path | None, *, beside: Sequence[socket.socket] = ()
) -> None:
    """Start the reaper of a cluster, and return once it waits for the owner's end.

    Args:
        beside: Sockets at ``::1`` and the cluster's ports, which Docker publishes at 127.0.0.1 only. The reaper keeps
            them open, so that no other program answers there.

    Raises:
        PlexdevError: ``command-failed``: it did not start, so nothing would delete the cluster of a killed run.
    """
    order = _Order(name, str(directory), (owner.pid, owner.started), str(run_directory) if run_directory else None)
    argv = module_command(REAPER.module)
    log_start(argv)
    with os.fdopen(open_private(directory / REAPER_LOG, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "wb") as log:
        # The launcher ends after the reaper owns the directory.
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
        detail=(directory / REAPER_LOG).read_text(errors="replace", encoding="utf-8").strip(),
        command=shlex.join(argv),
        status=f"exit status {status}",
        purpose="it deletes the cluster of a killed run; without it, no cluster is created",
        fix="run it by hand and read its output",
    )


def dismiss(directory: Path) -> None:
    """End the reaper of the stack in *directory*, whose cluster is deleted or kept.

    Raises:
        PlexdevError: ``owned-elsewhere``: it runs in another container or PID namespace; ``untrusted-path``.
    """
    reaper = REAPER.find(directory)
    if reaper is not None:
        with reaper:
            reaper.send(signal.SIGTERM)
            reaper.wait(_ENDS)


def watches_over(directory: Path) -> bool:
    """Whether the stack in *directory* has a reaper, which will delete what is left of it."""
    with contextlib.suppress(PlexdevError):
        return is_owned(directory)
    return False


def main() -> int:
    """Wait for the owner's end, then delete what it left."""
    reset_signals()
    order = _Order(**json.load(sys.stdin))
    directory = Path(order.directory)
    owned = _detach(order)
    handle = ProcessId(*order.owner).open()
    if handle is not None:
        with handle:
            handle.wait(None)
    if (directory / KEPT_MARK).exists():
        return 0
    # Nothing reports that an engine answers again.
    is_clean = poll(partial(_is_cleaned_up, order, owned), every_s=_PAUSE, timeout_s=_TRIES_FOR)
    return 0 if is_clean else 1


def _is_cleaned_up(order: _Order, owned: _Owned) -> bool:
    from pytest_plexdev.stack.kind.cluster import create as cluster
    from pytest_plexdev.stack.kind.cluster import image_archive
    from pytest_plexdev.stack.kind.cluster.cluster_files import ClusterFiles

    try:
        cluster.remove(ClusterFiles(order.name, Path(order.directory)))
    except PlexdevError as error:
        print(error, file=sys.stderr, flush=True)
        return False
    image_archive.remove_left()
    try:
        owned.cluster.remove(*CLUSTER_FILES)
        if owned.run is not None:
            owned.run.remove(*RUN_FILES)
    except PlexdevError as error:
        print(error, file=sys.stderr, flush=True)
    return True


def _detach(order: _Order) -> _Owned:
    """Detach from the parent, so that it need not wait; the launcher ends once the directory is owned."""
    written, noted = os.pipe()
    if os.fork():
        os.close(noted)
        os._exit(0 if os.read(written, 1) else 1)
    owned = _Owned(
        own(Path(order.directory), Mark.of_this_process("cluster", order.name)),
        hold_run(Path(order.run_directory)) if order.run_directory is not None else None,
    )
    os.write(noted, b"\n")
    os.close(noted)
    os.close(written)
    return owned


if __name__ == "__main__":
    try:
        with system_errors("watch over the cluster of a test run", near=Path("/")):
            status = main()
    except PlexdevError as refusal:
        sys.exit(str(refusal))
    sys.exit(status)
