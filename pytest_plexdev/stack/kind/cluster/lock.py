"""Exclusive locks on the warm cluster and on image builds; a waiting process reports the holder."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_plexdev.core.cancellation import remaining_s
from pytest_plexdev.core.model import State, Verdict
from pytest_plexdev.core.poll import poll
from pytest_plexdev.core.private_files import FILE_MODE, make_private_directory, read_note, write_private
from pytest_plexdev.core.process_id import ProcessId
from pytest_plexdev.core.progress import Progress, VerdictChanged
from pytest_plexdev.errors import STATE_UNWRITABLE, PlexdevError
from pytest_plexdev.errors.cluster import CLUSTER_BUSY, IMAGES_BUSY

if TYPE_CHECKING:
    from filelock import FileLock

_UNKNOWN_HOLDER: Final = "another process"
_WARM_FILE: Final = "kind"
_POLL_S: Final = 0.05


@contextlib.contextmanager
def exclusive(state: Path, *, timeout: float, progress: Progress) -> Iterator[None]:
    """Lock the warm cluster for the time of the context.

    Raises:
        PlexdevError: ``cluster-busy`` after *timeout* seconds, ``state-unwritable``.
    """
    began = time.monotonic()
    holders: list[str] = []

    def wait(holder: Holder) -> None:
        holders.append(holder.words)
        progress(_verdict("waiting", f"waiting for {holder.words}"))

    try:
        with _locked(_warm_lock(state), timeout, wait):
            if holders:
                progress(_verdict("ready", f"waited {time.monotonic() - began:.1f} s for {holders[0]}"))
            yield
    except _TooLate as late:
        raise PlexdevError(CLUSTER_BUSY, seconds=timeout, holder=late.holder.words, or_end=late.holder.or_end) from None


@contextlib.contextmanager
def exclusive_build(lock: Path, note: Callable[[str], None]) -> Iterator[None]:
    """Lock an image build. A waiting process reports who holds the lock.

    Raises:
        PlexdevError: ``images-busy`` after the bring-up's remaining time, ``state-unwritable``.
    """
    seconds = remaining_s()
    try:
        with _locked(lock, seconds, lambda holder: note(f"waiting for {holder.words}")):
            yield
    except _TooLate as late:
        raise PlexdevError(IMAGES_BUSY, seconds=seconds, holder=late.holder.words, or_end=late.holder.or_end) from None


def is_held(state: Path) -> bool:
    """Whether a process holds the lock of the warm cluster. Reads one file."""
    return _noted(_holder_file(_warm_lock(state))) is not None


@dataclass(frozen=True)
class Holder:
    """The process that holds a lock, and its description."""

    pid: int | None
    words: str

    @property
    def or_end(self) -> str:
        """The last part of a ``fix``: the command that ends the holder, which is a plexdev process of this user."""
        return f", or end it: kill {self.pid}" if self.pid is not None else ""


class _TooLate(Exception):
    """The lock was not released in time."""

    def __init__(self, holder: Holder) -> None:
        super().__init__(holder)
        self.holder = holder


@contextlib.contextmanager
def _locked(path: Path, timeout: float, wait: Callable[[Holder], None]) -> Iterator[None]:
    # The import takes 20 ms, which attaching must not pay.
    from filelock import FileLock

    lock, holder_file = FileLock(path, mode=FILE_MODE), _holder_file(path)
    try:
        make_private_directory(path.parent)
        _acquire(lock, holder_file, timeout, wait)
        write_private(holder_file, json.dumps(_me()).encode())
    except OSError as error:
        raise PlexdevError(STATE_UNWRITABLE, path=path.parent, reason=error.strerror or str(error)) from None
    try:
        yield
    finally:
        holder_file.unlink(missing_ok=True)
        lock.release()


def _acquire(lock: FileLock, holder_file: Path, timeout: float, wait: Callable[[Holder], None]) -> None:
    from filelock import Timeout

    def is_acquired() -> bool:
        with contextlib.suppress(Timeout):
            lock.acquire(timeout=0)
        return lock.is_locked

    if is_acquired():
        return
    holder = _holder(holder_file)
    wait(holder)
    if not poll(is_acquired, every_s=_POLL_S, timeout_s=timeout):
        raise _TooLate(holder)


def _warm_lock(state: Path) -> Path:
    return state / f"{_WARM_FILE}.lock"


def _holder_file(lock: Path) -> Path:
    return lock.with_suffix(".holder.json")


def _verdict(state: State, reason: str) -> VerdictChanged:
    return VerdictChanged(verdict=Verdict(name="cluster", state=state, reason=reason))


def _me() -> dict[str, object]:
    from pytest_plexdev.masking.rule import mask

    me = ProcessId.of(os.getpid())
    command = mask(shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]))
    return {"pid": me.pid, "started": me.started, "command": command, "since": time.time()}


def _holder(file: Path) -> Holder:
    # The holder writes its note a moment after it has the lock.
    return poll(lambda: _noted(file), every_s=0.02, timeout_s=0.2) or Holder(None, _UNKNOWN_HOLDER)


def _noted(file: Path) -> Holder | None:
    note = read_note(file) or {}
    with contextlib.suppress(ValueError):
        process, since = ProcessId.noted(note), note.get("since")
        if isinstance(since, (int, float)) and process.is_alive:
            words = f"`{note.get('command')}` (pid {process.pid}), held for {time.time() - since:.0f} s"
            return Holder(process.pid, words)
    return None
