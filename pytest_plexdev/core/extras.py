"""Check that the packages of an extra are installed, before the first of them is imported."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import Final

from pytest_plexdev.errors import EXTRA_MISSING, PlexdevError

_KIND: Final = ("yaml", "psycopg", "nats", "docker")
"""Modules that a kind stack, or a test on it, may import. ``plexdev_kube`` alone needs the official client."""
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
"""Modules that the supervisor and the programs of the embedded stack may import, with their packages. Postgres and NATS
are checked when they are started, as they may be other installations."""


def need_kind(*modules: str) -> None:
    """Check that these modules are installed.

    Args:
        modules: By default all that a kind stack, or a test on it, may import.

    Raises:
        PlexdevError: ``extra-missing``.
    """
    need("kind", *(modules or _KIND))


def need_embedded() -> None:
    """Check that all modules of the embedded stack's programs are installed, before one is started.

    Raises:
        PlexdevError: ``extra-missing``.
    """
    need("embedded", *_PACKAGES)


def need(extra: str, *modules: str) -> None:
    """Check that these modules are installed.

    Args:
        extra: The extra that installs them; it has the name of the provider.

    Raises:
        PlexdevError: ``extra-missing``.
    """
    for module in modules:
        if not _is_installed(module):
            raise PlexdevError(EXTRA_MISSING, extra=extra, package=_PACKAGES.get(module, module))


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ImportError:
        return False
