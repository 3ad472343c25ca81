"""Where a user's caches and stacks are kept, whichever stack it is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


def cache_directory(environment: Mapping[str, str] = os.environ) -> Path:
    """Of templates, definitions and locks: ``PLEXDEV_CACHE_DIR``, else below ``XDG_CACHE_HOME``, else ``~/.cache``."""
    return _directory(environment, "PLEXDEV_CACHE_DIR", "XDG_CACHE_HOME", ".cache")


def state_directory(environment: Mapping[str, str] = os.environ) -> Path:
    """Where the warm stacks are: ``PLEXDEV_STATE_DIR``, else below ``XDG_STATE_HOME``, else ``~/.local/state``."""
    return _directory(environment, "PLEXDEV_STATE_DIR", "XDG_STATE_HOME", ".local/state")


def _directory(environment: Mapping[str, str], own: str, xdg: str, below_home: str) -> Path:
    if chosen := environment.get(own):
        return Path(chosen).absolute()
    base = environment.get(xdg)
    return (Path(base) if base else Path.home() / below_home) / "plexdev"
