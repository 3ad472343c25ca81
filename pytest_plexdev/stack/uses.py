"""Record which test runs use the warm stack, so that a reset does not end their logins.

Each process of a run locks a file of its own in the state directory. The kernel releases the lock however the process
ends, in any container, and a file without a lock is deleted by whoever looks next.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shlex
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pytest_plexdev.core.model import KEPT_MARK
from pytest_plexdev.core.ownership.lock import look
from pytest_plexdev.core.ownership.process import which_directory
from pytest_plexdev.core.paths import state_directory
from pytest_plexdev.core.private_files import make_private_directory, open_private
from pytest_plexdev.core.process_id import ProcessId
from pytest_plexdev.core.text import abbreviated
from pytest_plexdev.core.untrusted_json import decode_file
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.changes import STACK_IN_USE

if TYPE_CHECKING:
    from pytest_plexdev.core.model import StackInfo

RESET_ENDS: Final = "a reset ends the logins of its tests and deletes their objects"
"""Why a stack is not reset during a run."""
_DIRECTORY: Final = "runs"
_MAX_BYTES: Final = 16 * 1024


class Use:
    """The use of the warm stack by this process. It ends with :meth:`release`, or with the process."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor: int | None = descriptor
        this = weakref.ref(self)
        # exec closes it; a child that only forks would keep the lock after its parent's end.
        os.register_at_fork(after_in_child=lambda: _close(this()))

    def release(self) -> None:
        """End the use."""
        if self._descriptor is not None:
            self._path.unlink(missing_ok=True)
            # A child that was just forked may still have its copy open, which would keep the lock.
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
            self.close()

    def close(self) -> None:
        """Close the file. In a forked child, the parent's use goes on."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _close(use: Use | None) -> None:
    if use is not None:
        use.close()


@dataclass(frozen=True)
class _Run:
    """A run that uses a stack: its controller, and what it is.

    Attributes:
        pid: ``None`` if that process is not visible here, as in another container.
    """

    pid: int | None
    words: str


def record(info: StackInfo, *, controller_pid: int) -> Use | None:
    """Record that this process uses the warm stack, if it is plexdev's own.

    Returns:
        ``None`` for another stack, and if the state directory cannot be written: a run is not worth less for that.
    """
    if info.cluster is not None and not info.cluster.owned:
        return None
    directory = state_directory() / _DIRECTORY
    path = directory / f"{info.provider}-{os.getpid()}-{os.urandom(4).hex()}.json"
    with contextlib.suppress(OSError, PlexdevError):
        make_private_directory(directory.parent)
        make_private_directory(directory)
        descriptor = open_private(path, os.O_RDWR | os.O_CREAT | os.O_EXCL)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.write(descriptor, json.dumps(_note(controller_pid)).encode())
        return Use(path, descriptor)
    return None


def refuse_used(info: StackInfo, command: str, *, why: str) -> None:
    """Raise if a test run uses the stack.

    Args:
        command: What the user typed, without the option that selects the stack: ``plexdev reset``.
        why: Why it cannot be done during a run.

    Raises:
        PlexdevError: ``stack-in-use``: it names the runs.
    """
    is_warm = info.id == "warm"
    runs = {run.words: run for run in (_recorded(info.provider) if is_warm else _owner_of_fresh(info))}
    if not runs:
        return
    pids = [str(run.pid) for run in runs.values() if run.pid is not None]
    which = f"--stack {info.provider}" if is_warm else which_directory(info.directory)
    raise PlexdevError(
        STACK_IN_USE,
        provider=info.provider,
        runs=abbreviated(list(runs), 3),
        or_end=f", or end it: {shlex.join(['kill', *pids])}" if pids else "",
        why=why,
        again=f"{command} {which}",
    )


def _owner_of_fresh(info: StackInfo) -> Iterator[_Run]:
    """The run that started the stack for itself, if it has not ended yet."""
    if not (info.directory / KEPT_MARK).exists():
        found = look(info.directory.parent)
        if found is not None and found.mark is not None and found.mark.kind == "run":
            process = ProcessId(found.mark.pid, found.mark.started)
            pid = process.pid if found.mark.is_from_here and process.is_alive else None
            yield _Run(pid, f"the test run that started it ({found.mark.owner})")


def _recorded(provider: str) -> Iterator[_Run]:
    for path in sorted((state_directory() / _DIRECTORY).glob(f"{provider}-*.json")):
        with contextlib.suppress(OSError, PlexdevError):
            descriptor = open_private(path, os.O_RDONLY)
            try:
                if _is_released(descriptor):
                    path.unlink()
                else:
                    yield _read(os.pread(descriptor, _MAX_BYTES, 0))
            finally:
                os.close(descriptor)


def _is_released(descriptor: int) -> bool:
    try:
        # Shared, so that two processes that look do not see each other.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _note(controller_pid: int) -> dict[str, object]:
    from pytest_plexdev.masking.rule import mask

    process = ProcessId.of(controller_pid)
    words = Path(f"/proc/{controller_pid}/cmdline").read_text(encoding="utf-8", errors="replace").split("\0")
    command = shlex.join([Path(word).name if number == 0 else word for number, word in enumerate(words[:-1])])
    return {"pid": process.pid, "started": process.started, "command": mask(command)}


def _read(content: bytes) -> _Run:
    try:
        note: dict[str, Any] = decode_file(content)
        process, command = ProcessId.noted(note), str(note["command"])
    except (ValueError, TypeError, KeyError, RecursionError):  # it is being written
        return _Run(None, "a test run")
    return _Run(process.pid if process.is_alive else None, f"`{command}` (pid {process.pid})")
