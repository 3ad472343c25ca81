"""Turn an error of the operating system into an entry of the catalogue, at the boundary of every process."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pytest_plexdev.core.paths import cache_directory, mount_point, state_directory, why_unwritable
from pytest_plexdev.errors import CACHE_UNWRITABLE, DISK_FULL, STATE_UNWRITABLE, Failure, PlexdevError
from pytest_plexdev.errors.system import SYSTEM_REFUSED

_NO_SPACE: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_OF_THE_PROCESS: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN})
"""Errors that are not about the file that they name."""
_NO_THREAD: Final = "can't start new thread"
"""CPython's message if ``clone`` fails."""
_ADVICE: Final = {
    errno.EMFILE: (
        "this process has reached its limit of open files",
        "raise the limit (ulimit -n 4096), or close files that the tests leave open, then run again",
    ),
    errno.ENFILE: ("the machine has reached its limit of open files", "raise the limit: sysctl fs.file-max"),
    errno.EAGAIN: (
        "this user, or the container, has reached its limit of processes and threads",
        "raise the limit (ulimit -u; docker run --pids-limit), or stop other processes, then run again",
    ),
    errno.ENOMEM: (
        "the machine, or the container, has no memory left",
        "free memory, or raise the container's limit, then run again",
    ),
    errno.EROFS: (
        "its file system is mounted read-only",
        "choose writable directories: TMPDIR, PLEXDEV_CACHE_DIR, PLEXDEV_STATE_DIR, --plexdev-output",
    ),
    errno.EACCES: (
        "user {user} has no permission for {path}",
        "change its mode, or choose other directories: TMPDIR, PLEXDEV_CACHE_DIR, PLEXDEV_STATE_DIR, --plexdev-output",
    ),
    errno.EPERM: (
        "the kernel, or the container, does not allow it to user {user}",
        "run as a user with this permission, or in a container with fewer restrictions",
    ),
}
_OTHERWISE: Final = ("no other reason is known", "check {path}, then run again")


@contextlib.contextmanager
def system_errors(doing: str, *, near: Path, cache: Path | None = None) -> Iterator[None]:
    """Convert errors of the operating system inside the body into tagged errors.

    Args:
        doing: The action, as a verb phrase that follows "refused to".
        near: A directory that is written to. The error of a full disk names no file.
        cache: The cache directory, if it is not that of this process's environment.

    Raises:
        PlexdevError: ``system-refused``, ``disk-full``, ``cache-unwritable``, ``state-unwritable``.
    """
    try:
        yield
    except PlexdevError:
        raise
    except Exception as error:
        refusal = refusal_of(error, doing=doing, near=near, cache=cache)
        if refusal is None:
            raise
        raise refusal from error


def refusal_of(error: BaseException, *, doing: str, near: Path, cache: Path | None = None) -> PlexdevError | None:
    """Return the tagged error for *error*; ``None`` if it is not an error of the operating system."""
    refused = _refused(error)
    if refused is None:
        return None
    path = _path_of(refused)
    if refused.errno in _NO_SPACE:
        return PlexdevError(DISK_FULL, path=mount_point(path or near))
    if path is not None and refused.errno not in _OF_THE_PROCESS:
        for failure, directory in _places(cache):
            if directory == path or directory in path.parents:
                return PlexdevError(failure, path=directory, reason=_reason_for(directory, path, refused))
    why, fix = _ADVICE.get(refused.errno or 0, _OTHERWISE)
    facts = {"path": path or "the file that it names", "user": os.geteuid()}
    return PlexdevError(
        SYSTEM_REFUSED,
        doing=doing,
        reason=f"{_strerror(refused)}: {path}" if path is not None else _strerror(refused),
        why=why.format(**facts),
        fix=fix.format(**facts),
    )


def _refused(error: BaseException) -> OSError | None:
    if isinstance(error, OSError):
        return error
    if isinstance(error, BaseExceptionGroup):
        return next((found for each in error.exceptions if (found := _refused(each)) is not None), None)
    if isinstance(error, RuntimeError) and str(error) == _NO_THREAD:
        return OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    if isinstance(error, MemoryError):
        return OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))
    return None


def _path_of(error: OSError) -> Path | None:
    name = error.filename2 or error.filename
    return Path(os.fsdecode(name)) if isinstance(name, (str, bytes, os.PathLike)) else None


def _places(cache: Path | None) -> Iterator[tuple[Failure, Path]]:
    # A missing home directory is reported by the code that needs it.
    with contextlib.suppress(PlexdevError):
        yield CACHE_UNWRITABLE, cache or cache_directory()
    with contextlib.suppress(PlexdevError):
        yield STATE_UNWRITABLE, state_directory()


def _reason_for(directory: Path, path: Path, error: OSError) -> str:
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return why_unwritable(path)
    return _strerror(error) if path == directory else f"{_strerror(error)}: {path}"


def _strerror(error: OSError) -> str:
    return error.strerror or str(error) or type(error).__name__
