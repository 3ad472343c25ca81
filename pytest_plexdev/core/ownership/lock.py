"""Own a directory by a lock on one file in it. Only the holder of the lock may delete the directory.

The kernel releases an ``flock`` however its holder ends, and it is seen from every container and PID namespace that
shares the file system. A pid is not: that no such process is visible does not mean that none runs. The file carries a
mark as well: what kind of directory it is and, for messages, who owns it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_plexdev.core.ownership.directory import Ownership as Ownership
from pytest_plexdev.core.ownership.mark import MARK, Kind, Mark
from pytest_plexdev.core.poll import poll
from pytest_plexdev.core.private_files import open_private, open_private_directory
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.ownership import OWNED_ELSEWHERE

LOOK_TAKES_S: Final = 0.2
"""A look at a lock takes it for some microseconds; so long an owner waits for that at most."""
_DELETION_TAKES_S: Final = 10.0
_PAUSE_S: Final = 0.002


@dataclass(frozen=True, kw_only=True)
class Look:
    """What is seen of a directory of ours without owning it.

    Attributes:
        mark: ``None`` where it is damaged.
        is_owned: Whether one process owns it alone, wherever that is. Those who share it do not count.
        file: Which file its owner has open.
    """

    mark: Mark | None
    is_owned: bool
    file: os.stat_result


def own(directory: Path, mark: Mark) -> Ownership:
    """Own a directory alone, and mark it.

    Args:
        directory: It is there, and this user's alone (``private_files``).

    Raises:
        PlexdevError: ``owned-elsewhere``, ``untrusted-path``.
        OSError: It is not there, cannot be written, or its file system knows no locks.
    """
    return _own(directory, mark, fcntl.LOCK_EX, patience_s=LOOK_TAKES_S)


def share(directory: Path, mark: Mark) -> Ownership:
    """Own a directory together with others: none may delete it before all of them have ended. The first one marks it.

    Raises:
        PlexdevError: ``owned-elsewhere``, ``untrusted-path``.
        OSError: As :func:`own` does.
    """
    return _own(directory, mark, fcntl.LOCK_SH, patience_s=_DELETION_TAKES_S)


def seize(
    directory: Path, *kinds: Kind, damaged_too: bool = False, patience_s: float = LOOK_TAKES_S
) -> Ownership | None:
    """Own a directory that no owner has any more, in order to delete it.

    Args:
        damaged_too: Also one whose mark cannot be read, where its name and place say what it is.
        patience_s: Seconds in which somebody's look at the lock ends. None for who sweeps: most that it finds are
            owned, its own directories among them, and what it passes over is removed by the next one.

    Returns:
        ``None`` where it has no mark of one of these kinds, or an owner lives, wherever that is.

    Raises:
        PlexdevError: ``untrusted-path``.
    """
    with _opened(directory, os.O_RDWR) as opened:
        if opened is None:
            return None
        checked, lock = opened
        if not poll(lambda: _try(lock, fcntl.LOCK_EX), every_s=_PAUSE_S, timeout_s=patience_s):
            return None
        mark = Mark.read(lock)
        if not _is_linked(lock, checked) or not (damaged_too if mark is None else mark.kind in kinds):
            return None
        return Ownership(directory, os.dup(checked), os.dup(lock), mark)


def look(directory: Path) -> Look | None:
    """What a directory's file says, and whether somebody has locked it; ``None`` where there is none. 50 microseconds.

    Raises:
        PlexdevError: ``untrusted-path``.
    """
    with _opened(directory, os.O_RDONLY) as opened:
        if opened is None:
            return None
        lock = opened[1]
        # Shared: of two that look at the same time, neither sees the other.
        return Look(mark=Mark.read(lock), is_owned=not _try(lock, fcntl.LOCK_SH), file=os.fstat(lock))


def is_owned(directory: Path) -> bool:
    """Whether one process owns a directory alone, wherever that is.

    Raises:
        PlexdevError: ``untrusted-path``.
    """
    found = look(directory)
    return found is not None and found.is_owned


def elsewhere(directory: Path, *, what: str, command: str, instead: str) -> PlexdevError:
    """The error for a directory that has an owner who is not visible here.

    Args:
        what: What is in it, as the subject of a sentence.
        command: Ends it, typed where it runs.
        instead: What has another directory used here.
    """
    found = look(directory)
    owner = found.mark.owner if found is not None and found.mark is not None else "its mark cannot be read"
    return PlexdevError(OWNED_ELSEWHERE, what=what, directory=directory, owner=owner, command=command, instead=instead)


def _own(directory: Path, mark: Mark, mode: int, *, patience_s: float) -> Ownership:
    ownership = poll(lambda: _try_own(directory, mark, mode), every_s=_PAUSE_S, timeout_s=patience_s)
    if ownership is None:
        raise elsewhere(directory, what="what is", command="plexdev down", instead="TMPDIR, PLEXDEV_STATE_DIR")
    return ownership


def _try_own(directory: Path, mark: Mark, mode: int) -> Ownership | None:
    with open_private_directory(directory) as checked:
        try:
            lock, is_new = _open_or_make(directory, checked)
        except FileNotFoundError:
            return None  # deleted in between
        try:
            if not _try(lock, mode) or not _is_linked(lock, checked):
                return None
            before = Mark.read(lock)
            if is_new or mode == fcntl.LOCK_EX:
                mark.write(lock)
            return Ownership(directory, os.dup(checked), os.dup(lock), before)
        finally:
            os.close(lock)


@contextlib.contextmanager
def _opened(directory: Path, access: int) -> Iterator[tuple[int, int] | None]:
    """Descriptors of a directory and of the file that is locked, both checked; ``None`` where one is not there."""
    with contextlib.ExitStack() as stack:
        try:
            checked = stack.enter_context(open_private_directory(directory))
            lock = open_private(directory / MARK, access, dir_fd=checked)
        except (FileNotFoundError, NotADirectoryError):
            opened = None
        else:
            stack.callback(os.close, lock)
            opened = checked, lock
        yield opened


def _open_or_make(directory: Path, checked: int) -> tuple[int, bool]:
    """The file that is locked, and whether it is new."""
    with contextlib.suppress(FileExistsError):
        return open_private(directory / MARK, os.O_RDWR | os.O_CREAT | os.O_EXCL, dir_fd=checked), True
    return open_private(directory / MARK, os.O_RDWR, dir_fd=checked), False


def _try(lock: int, mode: int) -> bool:
    try:
        fcntl.flock(lock, mode | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_linked(lock: int, checked: int) -> bool:
    """Whether the locked file is still the directory's: whoever deleted it had the lock before."""
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(os.stat(MARK, dir_fd=checked, follow_symlinks=False), os.fstat(lock))
    return False
