"""One process at a time changes the warm cluster; who waits is told for whom."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from pytest_plexdev.errors import STATE_UNWRITABLE, PlexdevError
from pytest_plexdev.errors.cluster import CLUSTER_BUSY
from pytest_plexdev.stack.files import write_whole
from pytest_plexdev.stack.model import Progress, Verdict, VerdictChanged
from pytest_plexdev.stack.processes import ProcessId

_NOBODY: Final = "another process"
_WARM_FILE: Final = "kind"


@contextlib.contextmanager
def hold(state: Path, *, timeout: float, progress: Progress) -> Iterator[None]:
    """Have the warm cluster for oneself.

    Raises:
        PlexdevError: ``cluster-busy`` after *timeout* seconds, ``state-unwritable``.
    """
    holder_file = state / f"{_WARM_FILE}.holder.json"
    lock = FileLock(state / f"{_WARM_FILE}.lock")
    try:
        state.mkdir(parents=True, exist_ok=True)
        _acquire(lock, holder_file, timeout, progress)
        write_whole(holder_file, json.dumps(_me()).encode())
    except OSError as error:
        raise PlexdevError(STATE_UNWRITABLE, path=state, reason=error.strerror or str(error)) from None
    try:
        yield
    finally:
        holder_file.unlink(missing_ok=True)
        lock.release()


def _acquire(lock: FileLock, holder_file: Path, timeout: float, progress: Progress) -> None:
    with contextlib.suppress(Timeout):
        lock.acquire(timeout=0)
        return
    began = time.monotonic()
    pid, holder = _holder(holder_file)
    progress(VerdictChanged(verdict=Verdict(name="cluster", state="waiting", reason=f"waiting for {holder}")))
    try:
        lock.acquire(timeout=timeout)
    except Timeout:
        raise PlexdevError(CLUSTER_BUSY, seconds=timeout, holder=f"{holder} has it", pid=pid) from None
    waited = f"waited {time.monotonic() - began:.1f} s for {holder}"
    progress(VerdictChanged(verdict=Verdict(name="cluster", state="ready", reason=waited)))


def _me() -> dict[str, object]:
    me = ProcessId.of(os.getpid())
    words = [Path(sys.argv[0]).name, *sys.argv[1:]]
    return {"pid": me.pid, "started": me.started, "command": shlex.join(words), "since": time.time()}


def _holder(file: Path) -> tuple[int | str, str]:
    """Who has it, in words. It notes itself a moment after it has the lock."""
    for _ in range(10):
        with contextlib.suppress(OSError, ValueError, KeyError):
            said = json.loads(file.read_text())
            if ProcessId(said["pid"], said["started"]).is_alive:
                seconds = time.time() - said["since"]
                return said["pid"], f"`{said['command']}` (pid {said['pid']}), which has it since {seconds:.0f} s"
        time.sleep(0.02)
    return "PID", _NOBODY
