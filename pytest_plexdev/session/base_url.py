"""Provide ``base_url`` of pytest-base-url, where that plugin is installed and the user named no URL."""

from __future__ import annotations

from typing import Final

import pytest

_NAMES: Final = ("base_url", "pytest_base_url.plugin")
"""The plugin's names: by its entry point, and by ``-p``."""


def register(config: pytest.Config) -> None:
    """Register the fixtures after those that they override."""
    manager = config.pluginmanager
    if not any(manager.hasplugin(name) for name in _NAMES):
        return
    if config.getoption("base_url", None) or config.getini("base_url"):
        return
    manager.import_plugin("pytest_plexdev.base_url_fixtures")
