"""Real servers for the integration tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.servers import PostgresServer


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A Postgres 16 of this session; the libpq URL of its ``plexsphere`` database, empty."""
    server = PostgresServer()
    yield server.url
    server.remove()
