"""Check that the packages of an extra are installed, before the first of them is imported."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import Final

from pytest_plexdev.errors import EXTRA_MISSING, PlexdevError

_KIND: Final = ("yaml", "psycopg", "nats")
"""Modules that a stack in a cluster, or a test on it, may import. The official client of Kubernetes is for those tests
that ask for it."""
_PACKAGES: Final[Mapping[str, str]] = {
    "argon2": "argon2-cffi",
    "authzed": "authzed",
    "bcrypt": "bcrypt",
    "joserfc": "joserfc",
    "nats": "nats-py",
    "prometheus_client": "prometheus-client",
    "psycopg": "psycopg",
    "psycopg_pool": "psycopg-pool",
    "python_multipart": "python-multipart",
    "re2": "google-re2",
    "starlette": "starlette",
    "uvicorn": "uvicorn",
    "yaml": "pyyaml",
}
"""Modules that the supervisor and the programs of the embedded stack may import, and whose they are. Postgres and NATS
are looked for where they are started: they may be others."""


def need_kind(*modules: str) -> None:
    """Refuse to go on where one of these modules is not installed.

    Args:
        modules: By default all that a stack in a cluster, or a test on it, may import.

    Raises:
        PlexdevError: ``extra-missing``.
    """
    need("kind", *(modules or _KIND))


def need_embedded() -> None:
    """Refuse to start processes of which one would end at once, without a module that it imports.

    Raises:
        PlexdevError: ``extra-missing``.
    """
    need("embedded", *_PACKAGES)


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
