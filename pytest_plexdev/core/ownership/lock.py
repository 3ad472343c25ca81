"""Own a directory by a lock on one file in it. Only the holder of the lock may delete the directory.

The kernel releases an ``flock`` however its holder ends, and the lock is visible from every container and PID namespace
that shares the file system. A pid is not: a process that is not visible may still run. The file also contains a mark:
the kind of the directory and, for messages, its owner.
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
"""Seconds that an owner waits for :func:`look`, which holds the lock for some microseconds."""
_DELETION_TAKES_S: Final = 10.0
_PAUSE_S: Final = 0.002


@dataclass(frozen=True, kw_only=True)
class Look:
    """The state of a directory of plexdev, as seen without owning it.

    Attributes:
        mark: The mark; ``None`` if it is damaged.
        is_owned: Whether a process, in any container, owns it exclusively. Shared ownership does not count.
        file: The file that its owner has open.
    """

    mark: Mark | None
    is_owned: bool
    file: os.stat_result


def own(directory: Path, mark: Mark) -> Ownership:
    """Own a directory exclusively and mark it.

    Args:
        directory: An existing directory of this user alone (``private_files``).

    Raises:
        PlexdevError: ``owned-elsewhere``, ``untrusted-path``.
        OSError: It does not exist, is not writable, or its file system does not support locks.
    """
    return _own(directory, mark, fcntl.LOCK_EX, patience_s=LOOK_TAKES_S)


def share(directory: Path, mark: Mark) -> Ownership:
    """Share the ownership of a directory. It cannot be deleted before all owners have ended. The first one marks it.

    Raises:
        PlexdevError: ``owned-elsewhere``, ``untrusted-path``.
        OSError: As :func:`own` does.
    """
    return _own(directory, mark, fcntl.LOCK_SH, patience_s=_DELETION_TAKES_S)


def seize(
    directory: Path, *kinds: Kind, damaged_too: bool = False, patience_s: float = LOOK_TAKES_S
) -> Ownership | None:
    """Own a directory without an owner, in order to delete it.

    Args:
        damaged_too: Also own one with a damaged mark, if its name and place identify it.
        patience_s: Seconds to wait while another process looks at the lock. 0 for a sweep: most directories are
            owned, and a later sweep removes those that are skipped.

    Returns:
        ``None`` if it has no mark of one of these kinds, or if it has an owner in any container.

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
    """Read a directory's mark and whether it is locked; ``None`` if it has no mark. Takes 50 microseconds.

    Raises:
        PlexdevError: ``untrusted-path``.
    """
    with _opened(directory, os.O_RDONLY) as opened:
        if opened is None:
            return None
        lock = opened[1]
        # A shared lock, so that concurrent looks do not see each other.
        return Look(mark=Mark.read(lock), is_owned=not _try(lock, fcntl.LOCK_SH), file=os.fstat(lock))


def is_owned(directory: Path) -> bool:
    """Whether a process, in any container, owns a directory exclusively.

    Raises:
        PlexdevError: ``untrusted-path``.
    """
    found = look(directory)
    return found is not None and found.is_owned


def elsewhere(directory: Path, *, what: str, command: str, instead: str) -> PlexdevError:
    """Build the error for a directory whose owner is not visible here.

    Args:
        what: Its content, as the subject of a sentence.
        command: The command that stops the owner, for the container in which it runs.
        instead: The variables that choose another directory.
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
    """Open a directory and its locked file, both checked; ``None`` if one does not exist."""
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
    """Open or create the file to lock. Returns the descriptor and whether it is new."""
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
    """Whether the locked file is still in the directory. A previous owner may have deleted it."""
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(os.stat(MARK, dir_fd=checked, follow_symlinks=False), os.fstat(lock))
    return False
