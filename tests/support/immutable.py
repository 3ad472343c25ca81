"""Make files that not even root can delete, until the end of the test."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


@contextlib.contextmanager
def immutable_files() -> Iterator[Callable[[Path], None]]:
    """A function that makes a file undeletable. It skips the test if the file system or the user cannot do that."""
    made: list[Path] = []

    def make(path: Path) -> None:
        if shutil.which("chattr") is None:
            pytest.skip("there is no chattr")
        done = subprocess.run(["chattr", "+i", str(path)], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            pytest.skip(f"no file can be made immutable here: {done.stderr.strip()}")
        made.append(path)

    try:
        yield make
    finally:
        for path in filter(Path.exists, made):  # the test itself may have deleted it
            subprocess.run(["chattr", "-i", str(path)], check=True)
