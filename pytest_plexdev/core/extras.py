"""Check that the packages of an extra are installed, before the first of them is imported."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import Final

from pytest_plexdev.errors import EXTRA_MISSING, PlexdevError

CLUSTER_EXTRA: Final = "kind"
"""The extra with the packages that a client of a cluster imports."""
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
"""The modules that only extras install, with their packages."""


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
