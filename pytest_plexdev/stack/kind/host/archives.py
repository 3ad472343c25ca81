"""Archives of images, half a gigabyte at most: one that a killed process left is removed by the next one."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pytest_plexdev.stack.directories import cache_directory


@contextlib.contextmanager
def archive() -> Iterator[Path]:
    """Where an archive of images may be written. It is gone afterwards."""
    room = _room()
    room.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as held:
        with _locked(room):
            _remove_left(room)
            directory = Path(tempfile.mkdtemp(dir=room))
            held.callback(shutil.rmtree, directory, ignore_errors=True)
            held.enter_context(_locked(directory))
        yield directory / "images.tar"


def remove_left() -> None:
    """Remove what processes left that were killed."""
    with contextlib.suppress(OSError), _locked(_room()):
        _remove_left(_room())


def _remove_left(room: Path) -> None:
    for directory in room.iterdir():
        # The kernel takes a lock from a process that ends, however it does.
        with contextlib.suppress(OSError), _locked(directory, fcntl.LOCK_NB):
            shutil.rmtree(directory, ignore_errors=True)


@contextlib.contextmanager
def _locked(directory: Path, how: int = 0) -> Iterator[None]:
    handle = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | how)
        yield
    finally:
        os.close(handle)


def _room() -> Path:
    return cache_directory() / "archives"
