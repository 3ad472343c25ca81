"""Delete the contents of a directory that this process owns (:mod:`~pytest_plexdev.core.ownership.lock`).

Entries are deleted by name, through a descriptor of the checked directory; no link is followed.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import shlex
import shutil
import stat
import weakref
from pathlib import Path
from typing import Final

from pytest_plexdev.core.ownership.mark import MARK, Mark
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.ownership import UNDELETABLE

_UNFINISHED: Final = re.compile(r"\.(.+)\.[0-9a-f]{12}")
"""The temporary file of a process that was killed in ``atomic_write.write_atomic``."""


class Ownership:
    """A directory that this process owns until it releases it or ends. Its children do not own it.

    Attributes:
        mark: The previous mark of the directory; ``None`` if it had none, or a damaged one.
    """

    def __init__(self, directory: Path, descriptor: int, lock: int, mark: Mark | None) -> None:
        self.directory = directory
        self.mark = mark
        self._descriptor = descriptor
        self._lock = lock
        self._is_held = True
        this = weakref.ref(self)
        # exec closes both; a child that only forks would keep the lock after its parent's end.
        os.register_at_fork(after_in_child=lambda: _close(this()))

    def names(self) -> set[str]:
        """Return the entries of the directory without the locked file."""
        return set(os.listdir(self._descriptor)) - {MARK}  # noqa: PTH208 (of a descriptor)

    def delete(self, *known: str) -> None:
        """Delete entries by name, directories recursively. Missing entries are ignored, and links are not followed.

        Raises:
            PlexdevError: ``undeletable``: names the first entry that could not be deleted; the others are deleted.
        """
        refusals: list[OSError] = []
        for name in sorted(self.names()):
            unfinished = _UNFINISHED.fullmatch(name)
            if name in known or (unfinished is not None and unfinished[1] in known):
                refusals += _delete(name, self._descriptor)
        if refusals:
            raise self._undeletable(refusals[0])

    def _undeletable(self, refusal: OSError) -> PlexdevError:
        path = self.directory / os.fsdecode(refusal.filename)
        return PlexdevError(
            UNDELETABLE,
            path=path,
            reason=refusal.strerror,
            directory=self.directory,
            quoted=shlex.quote(str(path)),
            directory_quoted=shlex.quote(str(self.directory)),
        )

    def remove(self, *known: str) -> list[str]:
        """Delete the known entries, then the directory if nothing else is in it, and release it.

        Returns:
            The names of the entries that remain, with the directory.

        Raises:
            PlexdevError: ``undeletable``; the directory is released too.
        """
        try:
            self.delete(*known)
            left = sorted(self.names())
            if not left and self._is_at_its_place():
                # If the mark was replaced, or a new entry appeared, the directory stays.
                with contextlib.suppress(OSError):
                    os.unlink(MARK, dir_fd=self._descriptor)
                with contextlib.suppress(OSError):
                    self.directory.rmdir()
            return left
        finally:
            self.release()

    def release(self) -> None:
        """Release the ownership. A second call does nothing."""
        if self._is_held:
            # A child that was just forked may still have its copy open, which would keep the lock.
            fcntl.flock(self._lock, fcntl.LOCK_UN)
            self.close()

    def close(self) -> None:
        """Close the descriptors. In a forked child, the parent stays the owner."""
        if self._is_held:
            self._is_held = False
            os.close(self._lock)
            os.close(self._descriptor)

    def _is_at_its_place(self) -> bool:
        with contextlib.suppress(OSError):
            return os.path.samestat(self.directory.lstat(), os.fstat(self._descriptor))
        return False

    def __enter__(self) -> Ownership:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def _delete(name: str, checked: int) -> list[OSError]:
    """Delete an entry as far as possible. The errors have paths relative to the directory."""
    refusals: list[OSError] = []

    def note(_: object, path: str, failure: tuple[type[BaseException], BaseException, object]) -> None:
        error = failure[1]
        # A missing entry needs no deletion, and "not empty" follows from another error.
        if isinstance(error, OSError) and error.errno not in (errno.ENOENT, errno.ENOTEMPTY):
            refusals.append(OSError(error.errno, error.strerror, path))

    try:
        if stat.S_ISDIR(os.stat(name, dir_fd=checked, follow_symlinks=False).st_mode):
            shutil.rmtree(name, onerror=note, dir_fd=checked)
        else:
            os.unlink(name, dir_fd=checked)
    except OSError as error:
        note(None, name, (type(error), error, None))
    return refusals


def _close(ownership: Ownership | None) -> None:
    if ownership is not None:
        ownership.close()
