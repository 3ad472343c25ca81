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
"""Errors that say nothing of the file that they name."""
_NO_THREAD: Final = "can't start new thread"
"""How CPython reports what ``clone`` refused."""
_ADVICE: Final = {
    errno.EMFILE: (
        "this process has as many files open as it may",
        "allow more (ulimit -n 4096), or close what the tests leave open, then run again",
    ),
    errno.ENFILE: ("the machine has as many files open as it may", "raise the limit: sysctl fs.file-max"),
    errno.EAGAIN: (
        "this user, or the container, has as many processes and threads as it may",
        "raise the limit (ulimit -u; docker run --pids-limit), or end what is not needed, then run again",
    ),
    errno.ENOMEM: (
        "the machine, or the container, has no memory left",
        "free some, or give the container more, then run again",
    ),
    errno.EROFS: (
        "its file system is mounted read-only",
        "choose directories that can be written: TMPDIR, PLEXDEV_CACHE_DIR, PLEXDEV_STATE_DIR, --plexdev-output",
    ),
    errno.EACCES: (
        "{path} is closed to user {user}",
        "open it, or choose other directories: TMPDIR, PLEXDEV_CACHE_DIR, PLEXDEV_STATE_DIR, --plexdev-output",
    ),
    errno.EPERM: (
        "the kernel, or the container, forbids it to user {user}",
        "run as a user who may do it, or in a container with fewer restrictions",
    ),
}
_OTHERWISE: Final = ("it gives no other reason", "look at {path}, then run again")


@contextlib.contextmanager
def system_errors(doing: str, *, near: Path, cache: Path | None = None) -> Iterator[None]:
    """Turn what the operating system refuses inside the body into a tagged error.

    Args:
        doing: What was being done, as a verb phrase that follows "refused to".
        near: Where files are written, for a full disk: that error names no file.
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
    """The tagged error for *error*, or ``None`` where the operating system has no part in it."""
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
    facts = {"path": path or "what it names", "user": os.geteuid()}
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
    # What has no home either is reported by whoever needs it.
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
