"""Whether the packages of an extra are installed: asked before the first of them is imported."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import Final

from pytest_plexdev.errors import EXTRA_MISSING, PlexdevError

_KIND: Final[Mapping[str, str]] = {"yaml": "pyyaml", "psycopg": "psycopg", "nats": "nats-py"}
"""Modules of a stack in a cluster, and whose they are. The official client is for those tests that ask for it."""


def need_kind(*modules: str) -> None:
    """Refuse to go on where one of these modules is not installed.

    Args:
        modules: By default all that a stack in a cluster, or a test on it, may import.

    Raises:
        PlexdevError: ``extra-missing``.
    """
    for module in modules or _KIND:
        if not _is_installed(module):
            raise PlexdevError(EXTRA_MISSING, extra="kind", package=_KIND[module])


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ImportError:
        return False
