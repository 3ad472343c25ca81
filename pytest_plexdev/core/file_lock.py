"""Lock a file among this user's processes. A file that another user owns, or that is no file, is refused."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from pytest_plexdev.core.private_files import FILE_MODE, open_private

if TYPE_CHECKING:
    from pathlib import Path

    from filelock import FileLock


def private_lock(path: Path) -> FileLock:
    """The lock of *path*, in a directory of this user alone: nobody else can exchange it once it was checked.

    Raises:
        PlexdevError: ``untrusted-path``.
        OSError: The file is there and cannot be opened.
    """
    from filelock import FileLock  # 20 ms that most commands do not pay

    with contextlib.suppress(FileNotFoundError):
        os.close(open_private(path, os.O_RDONLY))
    return FileLock(path, mode=FILE_MODE)
