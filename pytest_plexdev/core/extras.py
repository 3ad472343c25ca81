"""Check that the packages of an extra are installed, before the first of them is imported."""

from __future__ import annotations

import importlib.util
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from pytest_plexdev.core.untrusted_json import decode_json
from pytest_plexdev.errors import EXTRA_MISSING, PlexdevError

CLUSTER_EXTRA: Final = "kind"
"""The extra with the packages that a client of a cluster imports."""
_PACKAGES: Final[Mapping[str, str]] = {
    "argon2": "argon2-cffi",
    "authlib": "authlib",
    "authzed": "authzed",
    "bcrypt": "bcrypt",
    "google.protobuf": "protobuf",
    "grpc": "grpcio",
    "hvac": "hvac",
    "joserfc": "joserfc",
    "minio": "minio",
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
_UNKNOWN_CLONE: Final = "/path/to/pytest-plexdev"


def need(extra: str, *modules: str) -> None:
    """Check that these modules are installed.

    Args:
        extra: The extra that installs them; it has the name of the provider.

    Raises:
        PlexdevError: ``extra-missing``.
    """
    for module in modules:
        if not is_installed(module):
            raise extra_missing(extra, package=_PACKAGES.get(module, module))


def extra_missing(extra: str, *, package: str | None) -> PlexdevError:
    """Build ``extra-missing``, with the command that installs the extra."""
    return PlexdevError(EXTRA_MISSING, extra=extra, package=package, command=install_command(extra))


def install_command(extra: str) -> str:
    """Return the ``pip install`` command that adds an extra to this installation.

    No package index has pytest-plexdev, and anyone may register its name there. The command therefore names the
    directory, archive or repository from which pytest-plexdev was installed, as recorded by pip.
    """
    recorded = _direct_url()
    url = recorded.get("url", "")
    options = ["--editable"] if recorded.get("dir_info", {}).get("editable") else []
    if version_control := recorded.get("vcs_info"):
        source = f"pytest-plexdev[{extra}] @ {version_control['vcs']}+{url}@{version_control['commit_id']}"
    elif url.startswith("file:") and (path := Path(unquote(urlsplit(url).path))).exists():
        source = f"{path}[{extra}]"
    else:
        source = f"{_UNKNOWN_CLONE}[{extra}]"
    return shlex.join([sys.executable, "-m", "pip", "install", *options, source])


def _direct_url() -> dict[str, Any]:
    """The origin of the installation (``direct_url.json``, PEP 610); empty if none is recorded."""
    from importlib.metadata import PackageNotFoundError, distribution  # lazy: takes longer than the checks

    try:
        recorded: dict[str, Any] = decode_json(distribution("pytest-plexdev").read_text("direct_url.json") or "{}")
    except (PackageNotFoundError, ValueError):
        return {}
    return recorded


def is_installed(module: str) -> bool:
    """Return whether a module can be imported, without importing it."""
    try:
        return importlib.util.find_spec(module) is not None
    except ImportError:
        return False
