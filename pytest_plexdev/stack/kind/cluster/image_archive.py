"""Archives of images, up to half a gigabyte. One that a killed process left is removed by the next process."""

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
"""A directory: docker writes into a file of another name first."""


@contextlib.contextmanager
def archive() -> Iterator[Path]:
    """Where an archive of images may be written. It is gone afterwards.

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
    """Remove what processes left that were killed. What does not carry our mark is not ours."""
    with contextlib.suppress(OSError):
        for directory in (cache_directory() / _ROOM).iterdir():
            # One that others may write to, say: it is left alone.
            with contextlib.suppress(PlexdevError, OSError):
                if left := seize(directory, "archive", patience_s=0):
                    left.remove(_FILES)
