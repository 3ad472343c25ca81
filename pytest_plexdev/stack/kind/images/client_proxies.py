"""Read the proxies of the Docker client's configuration, which apply to every build."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pytest_plexdev.core.paths import home_directory
from pytest_plexdev.core.untrusted_json import decode_json


@dataclass(frozen=True)
class ClientProxies:
    """The proxies of a Docker client.

    Attributes:
        file: Where they are configured.
        hosts: ``host:port`` of each, without credentials.
    """

    file: Path
    hosts: tuple[str, ...]


def read_client_proxies(environment: Mapping[str, str] = os.environ) -> ClientProxies | None:
    """Read the proxies of this user's Docker client; ``None`` without any, or if its configuration cannot be read."""
    home = home_directory()
    chosen = environment.get("DOCKER_CONFIG")
    directory = Path(chosen) if chosen else home / ".docker" if home is not None else None
    if directory is None:
        return None
    file = directory / "config.json"
    try:
        groups = decode_json(file.read_text(encoding="utf-8"))["proxies"].values()
        urls = [str(group[name]) for group in groups for name in ("httpProxy", "httpsProxy") if group.get(name)]
    except (OSError, ValueError, LookupError, AttributeError, TypeError):
        return None
    hosts = dict.fromkeys(urlsplit(url).netloc.rpartition("@")[2] or "?" for url in urls)
    return ClientProxies(file, tuple(hosts)) if hosts else None
