"""A signer program over a real Postgres."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from plexsphere_reference.migrate import migrations
from tests.support.signers import Signer, running_signer


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def signer_database(postgres_server: str) -> str:
    """A migrated database of the signer tests' own."""
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute("CREATE DATABASE signer_tests")
    url = postgres_server.replace("/plexsphere?", "/signer_tests?")
    with psycopg.connect(url, autocommit=True) as connection:
        for migration in migrations():
            connection.execute(migration.sql.encode())
    return url


@pytest.fixture(scope="session")
def signer(signer_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Signer]:
    """A signer shared by tests that use different scopes."""
    with running_signer(signer_database, tmp_path_factory.mktemp("signer")) as running:
        yield running
