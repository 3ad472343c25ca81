"""The files that the hooks of a project's plugins name, and which plugin named them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


def seed_of(config: pytest.Config, *, for_reference_plane: bool) -> Path | None:
    """The seed manifest of ``pytest_plexdev_seed``; a relative path counts from rootdir.

    Args:
        for_reference_plane: Whether the reference plane's bootstrap is known to read it.

    Raises:
        PlexdevError: ``seed-unusable``.
    """
    answer: object = config.hook.pytest_plexdev_seed(config=config)
    if answer is None:
        return None
    from pytest_plexdev.seed_manifest import check_seed, seed_unusable

    source = _implementations(config, config.hook.pytest_plexdev_seed)
    path = _path(config, answer)
    if path is None:
        raise seed_unusable(repr(answer), f"a path is wanted, not a {type(answer).__name__}", source=source)
    check_seed(path, source=source, for_reference_plane=for_reference_plane)
    return path


def overlay_of(config: pytest.Config) -> Path | None:
    """The overlay of ``pytest_plexdev_overlay``; a relative path counts from rootdir."""
    return _path(config, config.hook.pytest_plexdev_overlay(config=config))


def _path(config: pytest.Config, answer: object) -> Path | None:
    return config.rootpath / answer if isinstance(answer, (str, Path)) else None


def _implementations(config: pytest.Config, hook: Any) -> str:
    names = [Path(each.plugin_name) for each in hook.get_hookimpls()]
    root = config.rootpath
    known = [str(each.relative_to(root) if each.is_relative_to(root) else each) for each in names]
    return f"the hook {hook.name} of {' or '.join(known)}"
