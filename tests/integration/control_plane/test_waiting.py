"""Programs that wait: ``wait-for-migrate`` for Postgres and its migrations, ``bootstrap`` for SpiceDB."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from plexsphere_reference.migrate import main as migrate
from plexsphere_reference.migrate import migrations
from plexsphere_reference.settings import Settings
from tests.support.checkout import ROOT
from tests.support.control_plane import running_spicedb
from tests.support.servers import PostgresServer

TIMEOUT_S = 20.0
SEED = ROOT / "deploy" / "local" / "seed" / "tenants.yaml"
Start = Callable[..., "subprocess.Popen[str]"]
Waiting = Callable[[str], "subprocess.Popen[str]"]


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """A separate server, because the tests stop and start it; its database is empty."""
    server = PostgresServer()
    yield server
    server.remove()


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts programs; those that still run at the end of the test are killed."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str, **variables: str) -> subprocess.Popen[str]:
        argv = [sys.executable, "-m", "plexsphere_reference", *arguments]
        started.append(subprocess.Popen(argv, env={**os.environ, **variables}, stderr=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def waiting(start: Start) -> Waiting:
    """Starts ``wait-for-migrate`` for a database."""
    return lambda url: start("wait-for-migrate", PLEXSPHERE_DATABASE_URL=url)


def test_it_waits_for_postgres_then_for_every_migration(server: PostgresServer, waiting: Waiting) -> None:
    server.stop()
    process = waiting(server.url)
    without_postgres = _line(process)
    server.start()
    empty = _line(process)
    while "failed: " in empty:  # its socket is bound, and it does not listen or not take connections yet
        empty = _line(process)
    migrate(Settings(database_url=server.url))

    assert process.wait(TIMEOUT_S) == 0
    assert 'msg="waiting for migrations"' in without_postgres
    assert "No such file or directory" in without_postgres
    assert f'state="0 of {len(migrations())} applied"' in empty
    assert f"version={migrations()[-1].number}" in _rest(process)[-1]


def test_one_missing_migration_is_waited_for(server: PostgresServer, waiting: Waiting) -> None:
    last = migrations()[-1]
    migrate(Settings(database_url=server.url))
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("DELETE FROM plexsphere.schema_migrations WHERE number = %s", [last.number])
        process = waiting(server.url)
        line = _line(process)
        time.sleep(0.5)
        still_waits = process.poll() is None
        connection.execute("INSERT INTO plexsphere.schema_migrations VALUES (%s, %s)", [last.number, last.name])

    assert process.wait(TIMEOUT_S) == 0
    assert still_waits
    assert f'state="{last.number - 1} of {last.number} applied"' in line
    # Half a second has five checks; it logged only at its start and at its end.
    assert len(_rest(process)) == 1


def test_a_newer_database_is_good_enough(server: PostgresServer, waiting: Waiting) -> None:
    migrate(Settings(database_url=server.url))
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("INSERT INTO plexsphere.schema_migrations VALUES (9999, 'from the future')")

    assert waiting(server.url).wait(TIMEOUT_S) == 0


def test_it_names_the_endpoint_and_keeps_the_password(waiting: Waiting) -> None:
    process = waiting("postgres://plexsphere:hush-hush@127.0.0.1:1/plexsphere")

    line = _line(process)

    assert "endpoint=127.0.0.1:1 " in line
    assert "hush" not in line


def test_sigterm_ends_it_even_as_process_one_of_a_container(waiting: Waiting) -> None:
    process = waiting("postgres://plexsphere@127.0.0.1:1/plexsphere")
    _line(process)

    process.send_signal(signal.SIGTERM)

    assert process.wait(TIMEOUT_S) == 143


def test_bootstrap_waits_for_a_spicedb_that_hangs(server: PostgresServer, start: Start, tmp_path: Path) -> None:
    migrate(Settings(database_url=server.url))
    manifest = tmp_path / "tenants.yaml"
    manifest.write_text(SEED.read_text().replace("${ISSUER}", "http://localhost:5556/dex"))
    with running_spicedb(tmp_path) as spicedb:
        spicedb.pause()
        process = start(
            "bootstrap",
            "--manifest",
            str(manifest),
            PLEXSPHERE_DATABASE_URL=server.url,
            PLEXSPHERE_SPICEDB_ENDPOINT=spicedb.endpoint,
            PLEXSPHERE_SPICEDB_PRESHARED_KEY=spicedb.preshared_key,
        )
        _line(process)  # the dev warning
        output = _line(process)
        spicedb.resume()

        assert process.wait(TIMEOUT_S) == 0
    assert 'level=WARN msg="waiting for the authorisation service"' in output
    assert 'msg="bootstrap-complete" domains=3' in _rest(process)[-1]


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    return process.stderr.readline()


def _rest(process: subprocess.Popen[str]) -> list[str]:
    assert process.stderr is not None
    return process.stderr.read().splitlines()
