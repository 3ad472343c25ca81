"""Whether the packages of an extra are installed: asked before the first of them is imported."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import Final

from pytest_plexdev.errors import EXTRA_MISSING, PlexdevError

_PACKAGES: Final[Mapping[str, str]] = {"yaml": "pyyaml", "psycopg": "psycopg", "nats": "nats-py"}
"""Modules that a stack, or a test on it, may import, and whose they are. The official client of Kubernetes is for those
tests that ask for it."""


def need_kind(*modules: str) -> None:
    """Refuse to go on where one of these modules is not installed.

    Args:
        modules: By default all that a stack in a cluster, or a test on it, may import.

    Raises:
        PlexdevError: ``extra-missing``.
    """
    need("kind", *(modules or _PACKAGES))


def need(extra: str, *modules: str) -> None:
    """Refuse to go on where one of these modules is not installed.

    Args:
        extra: Which brings them: it has the name of the stack's provider.

    Raises:
        PlexdevError: ``extra-missing``.
    """
    for module in modules:
        if not _is_installed(module):
            raise PlexdevError(EXTRA_MISSING, extra=extra, package=_PACKAGES[module])


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ImportError:
        return False
