"""Temporary archives of images, up to half a gigabyte. The next process removes one that a killed process left."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pytest_plexdev.core.ownership.lock import own, seize
from pytest_plexdev.core.ownership.mark import Mark
from pytest_plexdev.core.paths import cache_directory, cache_room
from pytest_plexdev.core.private_files import make_private_directory, make_temporary_directory
from pytest_plexdev.errors import PlexdevError

_ROOM: Final = "archives"
_FILES: Final = "images"
"""A directory, because docker writes to a file of another name first."""


@contextlib.contextmanager
def archive() -> Iterator[Path]:
    """Return a path for an archive of images, which is removed at the end of the context.

    Raises:
        PlexdevError: ``cache-unwritable``, ``untrusted-path``, ``disk-full``.
    """
    room = cache_room(_ROOM)
    remove_left()
    directory = make_temporary_directory(room)
    owned = own(directory, Mark.of_this_process("archive", directory.name))
    try:
        make_private_directory(directory / _FILES)
        yield directory / _FILES / "images.tar"
    finally:
        owned.remove(_FILES)


def remove_left() -> None:
    """Remove archives of killed processes. A directory without our mark is left alone."""
    with contextlib.suppress(OSError):
        for directory in (cache_directory() / _ROOM).iterdir():
            # Left alone, for example because others may write to it.
            with contextlib.suppress(PlexdevError, OSError):
                if left := seize(directory, "archive", patience_s=0):
                    left.remove(_FILES)
