"""The working directory in which this process began. Relative paths of its environment are below it.

It is read when this module is imported, which pytest does before a test can change the working directory.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final


def _working_directory() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:  # it was deleted; absolute paths work nevertheless
        return Path()


START_DIRECTORY: Final = _working_directory()
