"""Lock a file among this user's processes. Files of other users, and paths that are not files, are refused."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from pytest_plexdev.core.private_files import FILE_MODE, open_private

if TYPE_CHECKING:
    from pathlib import Path

    from filelock import FileLock


def private_lock(path: Path) -> FileLock:
    """Return the lock of *path*. Its directory belongs to this user alone, so no other user can replace the file.

    Raises:
        PlexdevError: ``untrusted-path``.
        OSError: The file exists and cannot be opened.
    """
    from filelock import FileLock  # takes 20 ms, which most commands save

    with contextlib.suppress(FileNotFoundError):
        os.close(open_private(path, os.O_RDONLY))
    return FileLock(path, mode=FILE_MODE)
