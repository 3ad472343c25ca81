"""A second API over the same database, with other variables than the first."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import httpx

from tests.support.control_plane import Plane, open_listener, run_server


@contextlib.contextmanager
def second_api(plane: Plane, directory: Path, **environment: str) -> Iterator[httpx.Client]:
    """Start an API with other environment variables; an empty one is unset. The client has no credential."""
    listener = open_listener()
    url = f"http://localhost:{listener.getsockname()[1]}"
    changed = {name: value for name, value in {**plane.environment, **environment}.items() if value}
    arguments = ["--listen", f"fd:{listener.fileno()}"]
    with (
        run_server(directory, changed, "plexsphere_reference", "api", *arguments, listener=listener),
        httpx.Client(base_url=url, timeout=10) as client,
    ):
        yield client
