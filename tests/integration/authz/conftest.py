"""Both backends, each with an empty store and a schema that the test chooses."""

from __future__ import annotations

import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import grpc
import psycopg
import pytest

from plexsphere_reference.authz.connect import SCHEMA
from plexsphere_reference.authz.model import Authorizer
from plexsphere_reference.authz.parser import parse
from plexsphere_reference.authz.postgres import PostgresAuthorizer
from plexsphere_reference.authz.spicedb import SpiceDBAuthorizer
from plexsphere_reference.migrate import migrations
from tests.support.authorizers import SPICEDB_START, CountingDatabase, Open
from tests.support.servers import find_real, leave_out


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
def _postgres_first(postgres_server: str) -> None:
    """Start Postgres before gRPC: it enters a user namespace between fork and exec, and gRPC's threads prevent that."""


@pytest.fixture(scope="session")
def authz_url(postgres_server: str) -> str:
    """A migrated database of the authz tests' own."""
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute("CREATE DATABASE authz_tests")
    url = postgres_server.replace("/plexsphere?", "/authz_tests?")
    with psycopg.connect(url, autocommit=True) as connection:
        for migration in migrations():
            connection.execute(migration.sql.encode())
    return url


@pytest.fixture
async def database(authz_url: str) -> AsyncIterator[CountingDatabase]:
    """An open database without tuples."""
    database = CountingDatabase(authz_url)
    await database.open()
    await database.execute("TRUNCATE plexsphere.relation_tuples")
    yield database
    await database.close()


@pytest.fixture(scope="session")
def spicedb() -> Iterator[str]:
    """The gRPC target of a real SpiceDB with a separate store for each preshared key."""
    binary = find_real("spicedb")
    if binary is None:
        leave_out("no spicedb on PATH, nor in $TESTBED_CACHE/bin: the real one is not compared")
    directory = Path(tempfile.mkdtemp(prefix="plexdev-spicedb-", dir="/tmp"))
    socket, log = directory / "grpc.sock", directory / "log"
    arguments = ["serve-testing", "--grpc-network=unix", f"--grpc-addr={socket}", "--readonly-grpc-enabled=false"]
    with log.open("wb") as output:
        server = subprocess.Popen([binary, *arguments, "--skip-release-check"], stdout=output, stderr=output)
    try:
        with grpc.insecure_channel(f"unix:{socket}") as channel:
            grpc.channel_ready_future(channel).result(timeout=SPICEDB_START)
    except grpc.FutureTimeoutError:
        server.kill()
        pytest.fail(f"spicedb did not answer within {SPICEDB_START} s:\n{log.read_text()[-2000:]}")
    yield f"unix:{socket}"
    server.send_signal(signal.SIGKILL)  # its data is in memory only
    server.wait()
    shutil.rmtree(directory)


@pytest.fixture
async def open_backend(request: pytest.FixtureRequest, database: CountingDatabase) -> AsyncIterator[Open]:
    """Opens an empty backend by its name with a schema's text. SpiceDB is started only if it is named."""
    async with AsyncExitStack() as opened:

        async def open_backend(name: str, schema_text: str) -> Authorizer:
            authorizer: Authorizer = (
                PostgresAuthorizer(database, parse(schema_text))
                if name == "postgres"
                else SpiceDBAuthorizer(request.getfixturevalue("spicedb"), secrets.token_hex(8), schema_text)
            )
            opened.push_async_callback(authorizer.close)
            await authorizer.apply_schema()
            return authorizer

        yield open_backend


@pytest.fixture(params=["postgres", "spicedb"])
async def authorizer(request: pytest.FixtureRequest, open_backend: Open) -> Authorizer:
    """Each backend in turn, with the plane's own schema and no tuples."""
    return await open_backend(request.param, SCHEMA.read_text())
