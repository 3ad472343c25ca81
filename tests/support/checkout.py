"""List the files of this checkout, without those created by runs and tools. Needs no git: an archive has none."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
_LEFT_BY_TOOLS: Final = (
    ".git",
    ".venv",
    ".tox",
    ".plexdev",
    ".hypothesis",
    "site",
    "build",
    "dist",
    "*_cache",
    "__pycache__",
    ".coverage*",
    "*.egg-info",
)
_ignore = shutil.ignore_patterns(*_LEFT_BY_TOOLS)


def checkout_files(directory: Path = ROOT) -> Iterator[Path]:
    """Every file, in no particular order."""
    entries = list(directory.iterdir())
    ignored = _ignore(str(directory), [entry.name for entry in entries])
    for entry in entries:
        if entry.name in ignored:
            continue
        if entry.is_dir() and not entry.is_symlink():
            yield from checkout_files(entry)
        else:
            yield entry


def copy_checkout(target: Path) -> None:
    """Copy every file below *target*."""
    shutil.copytree(ROOT, target, ignore=_ignore, symlinks=True)
