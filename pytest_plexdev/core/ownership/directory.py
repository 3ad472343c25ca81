"""A directory that this process owns (:mod:`~pytest_plexdev.core.ownership.lock`): what is deleted in it, and how.

Entries are deleted by their names, through a descriptor of the directory that was checked; no link is followed.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import stat
import weakref
from pathlib import Path
from typing import Final

from pytest_plexdev.core.ownership.mark import MARK, Mark

_UNFINISHED: Final = re.compile(r"\.(.+)\.[0-9a-f]{12}")
"""What ``files.write_whole`` leaves where it was killed."""


class Ownership:
    """A directory that this process owns, until it releases it or ends. Its children do not.

    Attributes:
        mark: As the directory had it before; ``None`` where it had none, or a damaged one.
    """

    def __init__(self, directory: Path, descriptor: int, lock: int, mark: Mark | None) -> None:
        self.directory = directory
        self.mark = mark
        self._descriptor = descriptor
        self._lock = lock
        self._is_held = True
        this = weakref.ref(self)
        # exec closes both; a child that only forks would keep the lock of a parent that has ended.
        os.register_at_fork(after_in_child=lambda: _close(this()))

    def names(self) -> set[str]:
        """What is in the directory, besides the file that is locked."""
        return set(os.listdir(self._descriptor)) - {MARK}  # noqa: PTH208 (of a descriptor)

    def delete(self, *known: str) -> None:
        """Delete entries by name, directories with all that is in them; none is fine. A link is not followed."""
        for name in self.names():
            unfinished = _UNFINISHED.fullmatch(name)
            if name in known or (unfinished is not None and unfinished[1] in known):
                _delete(name, self._descriptor)

    def remove(self, *known: str) -> list[str]:
        """Delete what is known by name, then the directory if nothing else is in it, and release it.

        Returns:
            The names of what stays, and the directory with it.
        """
        try:
            self.delete(*known)
            left = sorted(self.names())
            if not left and self._is_at_its_place():
                # Somebody may have put something else into the mark's place, or something new beside it: it stays.
                with contextlib.suppress(OSError):
                    os.unlink(MARK, dir_fd=self._descriptor)
                with contextlib.suppress(OSError):
                    self.directory.rmdir()
            return left
        finally:
            self.release()

    def release(self) -> None:
        """Own it no longer. A second call does nothing."""
        if self._is_held:
            # A child that was forked a moment ago may not have closed its copy yet, which would hold the lock.
            fcntl.flock(self._lock, fcntl.LOCK_UN)
            self.close()

    def close(self) -> None:
        """Close its descriptors: in a child, whose parent goes on owning it."""
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


def _delete(name: str, checked: int) -> None:
    if stat.S_ISDIR(os.stat(name, dir_fd=checked, follow_symlinks=False).st_mode):
        shutil.rmtree(name, ignore_errors=True, dir_fd=checked)
    else:
        os.unlink(name, dir_fd=checked)


def _close(ownership: Ownership | None) -> None:
    if ownership is not None:
        ownership.close()
