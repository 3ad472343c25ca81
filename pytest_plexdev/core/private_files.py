"""Create files and directories with mode 0600 and 0700 regardless of the umask, and refuse those of other users.

A user who may write a file controls what its reader does. So files of other users, files that others may write to, and
symbolic links are refused. All checks use an open descriptor, because a path can be replaced in between.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shlex
import stat
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Final

from pytest_plexdev.core.atomic_write import write_atomic
from pytest_plexdev.core.untrusted_json import decode_file
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.ownership import STATE_DAMAGED, UNTRUSTED_PATH

DIRECTORY_MODE: Final = 0o700
FILE_MODE: Final = 0o600
READ_LIMIT: Final = 4 * 1024 * 1024
"""Bytes of a file that are read; state files have some kilobytes."""
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH


def make_private_directory(directory: Path) -> None:
    """Create *directory* with mode 0700, and its parents. An existing one must be this user's alone.

    Raises:
        PlexdevError: ``untrusted-path``.
        OSError: It cannot be created.
    """
    if not directory.parent.exists():
        make_private_directory(directory.parent)
    try:
        directory.mkdir(mode=DIRECTORY_MODE)
        directory.chmod(DIRECTORY_MODE)  # whatever the umask
    except FileExistsError:
        check_private(directory)


def make_temporary_directory(parent: Path, prefix: str = "") -> Path:
    """Create a directory with a new name and mode 0700."""
    directory = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    directory.chmod(DIRECTORY_MODE)
    return directory


def check_private(path: Path) -> None:
    """Refuse a file or directory that is not this user's, that others may write to, or that is a symbolic link.

    Raises:
        PlexdevError: ``untrusted-path``.
        FileNotFoundError: It does not exist.
    """
    _check(path, path.lstat())


@contextlib.contextmanager
def open_private_directory(directory: Path, *, owners: Collection[int] = ()) -> Iterator[int]:
    """Open *directory* for use as ``dir_fd``, so that operations apply to the directory that was checked.

    Args:
        owners: Ids of other users who may own it.

    Raises:
        PlexdevError: ``untrusted-path``.
        OSError: It does not exist, or is not a directory.
    """
    with _untrusted_link(directory):
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        _check(directory, os.fstat(descriptor), owners=owners)
        yield descriptor
    finally:
        os.close(descriptor)


def read_private(path: Path, *, limit: int = READ_LIMIT) -> bytes:
    """Read a file of plexdev.

    Args:
        limit: Bytes; a longer file is refused.

    Raises:
        PlexdevError: ``untrusted-path``.
        OSError: It does not exist, or cannot be read.
    """
    with os.fdopen(open_private(path, os.O_RDONLY), "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size > limit:
            raise untrusted(path, f"it has {size} bytes", f"rm {shlex.quote(str(path))}")
        return file.read(limit)


def read_note(path: Path) -> dict[str, Any] | None:
    """Read a JSON object from a file; ``None`` if it is missing, damaged or another user's."""
    with contextlib.suppress(OSError, ValueError, RecursionError, PlexdevError):
        note = decode_file(read_private(path))
        if isinstance(note, dict):
            return note
    return None


def open_private(path: Path, flags: int, *, dir_fd: int | None = None, owners: Collection[int] = ()) -> int:
    """Open a regular file that belongs to this user and that no other user may write to.

    Args:
        flags: The flags of ``open(2)``; a new file has mode 0600.
        dir_fd: A descriptor of the directory, if that has been checked.
        owners: Ids of other users who may own it.

    Raises:
        PlexdevError: ``untrusted-path``.
        OSError: It does not exist, or cannot be opened.
    """
    name = path if dir_fd is None else path.name
    # O_NONBLOCK: opening a FIFO would otherwise wait for its other end.
    flags |= os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        with _untrusted_link(path):
            descriptor = os.open(name, flags, FILE_MODE, dir_fd=dir_fd)
    except OSError as error:
        if error.errno not in (errno.EISDIR, errno.ENXIO):
            raise
        raise _irregular(path) from None
    try:
        status = os.fstat(descriptor)
        _check(path, status, owners=owners)
        if not stat.S_ISREG(status.st_mode):
            raise _irregular(path)
        if flags & os.O_EXCL:
            os.fchmod(descriptor, FILE_MODE)  # whatever the umask
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def write_private(path: Path, content: bytes) -> None:
    """Write a file atomically, with mode 0600: a reader sees the whole new file or the previous one.

    Raises:
        OSError: It cannot be written.
    """
    write_atomic(path, content, mode=FILE_MODE)


def damaged(path: Path, reason: str, fix: str = "") -> PlexdevError:
    """Build the error for a file of plexdev whose content is damaged.

    Args:
        reason: The reason, as a clause.
        fix: The fix; by default the command that removes the file.
    """
    fix = fix or f"check it, then remove it: rm {shlex.quote(str(path))}"
    return PlexdevError(STATE_DAMAGED, path=path, reason=reason, fix=fix)


def _check(path: Path, status: os.stat_result, *, owners: Collection[int] = ()) -> None:
    quoted = shlex.quote(str(path))
    if stat.S_ISLNK(status.st_mode):
        raise untrusted(path, "it is a symbolic link", f"rm {quoted}")
    if status.st_uid != os.geteuid() and status.st_uid not in owners:
        reason = f"it belongs to the user with id {status.st_uid}, and this is {os.geteuid()}"
        raise untrusted(path, reason, "choose another directory: PLEXDEV_CACHE_DIR, PLEXDEV_STATE_DIR, TMPDIR")
    if status.st_mode & _OTHERS_WRITE:
        reason = f"others may write to it (mode {stat.S_IMODE(status.st_mode):04o})"
        if status.st_mode & stat.S_ISVTX:
            raise untrusted(path, reason, "name another directory: this one is shared by all users")
        raise untrusted(path, reason, f"if nothing in it was changed: chmod go-w {quoted}")


@contextlib.contextmanager
def _untrusted_link(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError:
        # open(2) with O_NOFOLLOW: ELOOP of a link to a file, ENOTDIR of one to a directory.
        if path.is_symlink():
            raise untrusted(path, "it is a symbolic link", f"rm {shlex.quote(str(path))}") from None
        raise


def _irregular(path: Path) -> PlexdevError:
    return untrusted(path, "it is not a regular file", f"rm -r {shlex.quote(str(path))}")


def untrusted(path: Path, reason: str, remedy: str = "") -> PlexdevError:
    """Build the error for a path that is not this user's alone.

    Args:
        reason: The reason, as a sentence.
        remedy: The fix if its content is harmless; by default the command that removes it.
    """
    remedy = remedy or f"rm {shlex.quote(str(path))}"
    return PlexdevError(UNTRUSTED_PATH, path=path, quoted=shlex.quote(str(path)), reason=reason, remedy=remedy)
