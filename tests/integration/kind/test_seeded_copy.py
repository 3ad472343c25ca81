"""The statements that copy the seeded database of a cluster and bring it back, in a real Postgres and SpiceDB."""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from uuid import uuid4

import psycopg
import pytest
from authzed.api.v1 import (
    CheckPermissionRequest,
    CheckPermissionResponse,
    Consistency,
    InsecureClient,
    ObjectReference,
    Relationship,
    RelationshipUpdate,
    SubjectReference,
    WriteRelationshipsRequest,
    WriteSchemaRequest,
)

from plexsphere_reference.migrate import migrations
from pytest_plexdev.core.port_reservation import reserve
from pytest_plexdev.stack.kind.state.seeded_copy import KEEP_SQL, RESTORE_SQL
from tests.support.servers import find_real, leave_out

_SCHEMA: Final = """
definition user {}

definition doc {
    relation viewer: user
    permission view = viewer
}
"""
_START_S: Final = 30.0

Connection = psycopg.Connection[tuple[Any, ...]]


@pytest.fixture
def url(postgres_server: str) -> Iterator[str]:
    """A migrated database of this test's own."""
    name = f"copies_{secrets.token_hex(4)}"
    with psycopg.connect(postgres_server, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}".encode())
        own = postgres_server.replace("/plexsphere?", f"/{name}?")
        with psycopg.connect(own, autocommit=True) as connection:
            connection.execute("CREATE SCHEMA plexsphere")
            for migration in migrations():
                connection.execute(migration.sql.encode())
        yield own
        server.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture
def connection(url: str) -> Iterator[Connection]:
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


def add_domain(connection: Connection, slug: str, number: int) -> None:
    connection.execute(
        "INSERT INTO plexsphere.domains (id, slug, name, mesh_cidr) VALUES (%s, %s, %s, %s)",
        [uuid4(), slug, slug.title(), f"10.{number}.0.0/16"],
    )


def content(connection: Connection) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of each table of the control plane."""
    tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'plexsphere'").fetchall()
    return {
        table: sorted(connection.execute(f'SELECT * FROM plexsphere."{table}"'.encode()).fetchall(), key=str)
        for (table,) in tables
    }


def test_the_content_and_the_sequences_come_back(connection: Connection) -> None:
    add_domain(connection, "acme", 1)
    connection.execute(KEEP_SQL.encode())
    seeded = content(connection)
    sequences = "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'plexsphere'"
    before = connection.execute(sequences).fetchall()

    for _ in range(2):
        connection.execute("DELETE FROM plexsphere.audit_chains")
        connection.execute("UPDATE plexsphere.domains SET name = 'changed'")
        add_domain(connection, "new", 2)
        connection.execute("SELECT nextval('plexsphere.outbox_events_seq_seq')")
        assert content(connection) != seeded
        assert connection.execute(sequences).fetchall() != before

        connection.execute(RESTORE_SQL.encode())

        assert content(connection) == seeded
        assert connection.execute(sequences).fetchall() == before


def test_a_session_left_in_a_transaction_does_not_block_it(url: str, connection: Connection) -> None:
    connection.execute(KEEP_SQL.encode())
    with psycopg.connect(url) as idle:
        idle.execute("SELECT * FROM plexsphere.domains")

        connection.execute(RESTORE_SQL.encode())

        with pytest.raises(psycopg.OperationalError, match="terminating connection"):
            idle.execute("SELECT 1")


def test_without_a_copy_nothing_is_changed(connection: Connection) -> None:
    add_domain(connection, "acme", 1)

    with pytest.raises(psycopg.errors.RaiseException, match="plexdev-reset: no bring-up has kept a copy of it"):
        connection.execute(RESTORE_SQL.encode())

    connection.execute("ROLLBACK")
    assert len(content(connection)["domains"]) == 1


def test_a_table_that_was_migrated_since_is_named(connection: Connection) -> None:
    connection.execute(KEEP_SQL.encode())
    connection.execute("ALTER TABLE plexsphere.users ADD COLUMN nickname text")
    connection.execute("CREATE TABLE plexsphere.badges (id integer)")

    with pytest.raises(psycopg.errors.RaiseException, match="changed these tables since then: ") as caught:
        connection.execute(RESTORE_SQL.encode())

    assert set(str(caught.value).splitlines()[0].rpartition(": ")[2].split(", ")) == {"users", "badges"}


@contextmanager
def spicedb(url: str) -> Iterator[InsecureClient]:
    """A SpiceDB 1.39 that stores its data as on a cluster: in the schema of the control plane."""
    program = find_real("spicedb")
    if program is None:
        leave_out("no spicedb on PATH, nor in $TESTBED_CACHE/bin")
    port = reserve(purpose="SpiceDB")
    host = url.rpartition("host=")[2]
    name = url.partition("@/")[2].partition("?")[0]
    uri = f"postgres://plexsphere@localhost/{name}?host={host}&sslmode=disable&search_path=plexsphere"
    common = ["--datastore-engine=postgres", f"--datastore-conn-uri={uri}", "--skip-release-check", "--log-level=warn"]
    subprocess.run([program, "datastore", "migrate", "head", *common], check=True, capture_output=True)
    serve = [
        *(program, "serve", *common, "--grpc-preshared-key=key", f"--grpc-addr=127.0.0.1:{port.number}"),
        *(
            "--http-enabled=false",
            "--metrics-enabled=false",
            "--telemetry-endpoint=",
            "--dispatch-cluster-enabled=false",
        ),
    ]
    with subprocess.Popen(serve, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            client = InsecureClient(f"127.0.0.1:{port.number}", "key")
            client.WriteSchema(WriteSchemaRequest(schema=_SCHEMA), wait_for_ready=True, timeout=_START_S)
            yield client
        finally:
            server.kill()
            port.release()


def relate(client: InsecureClient, doc: str, user: str, operation: RelationshipUpdate.Operation.ValueType) -> None:
    relationship = Relationship(
        resource=ObjectReference(object_type="doc", object_id=doc),
        relation="viewer",
        subject=SubjectReference(object=ObjectReference(object_type="user", object_id=user)),
    )
    client.WriteRelationships(
        WriteRelationshipsRequest(updates=[RelationshipUpdate(operation=operation, relationship=relationship)])
    )


def may_view(client: InsecureClient, doc: str, user: str) -> bool:
    answer = client.CheckPermission(
        CheckPermissionRequest(
            resource=ObjectReference(object_type="doc", object_id=doc),
            permission="view",
            subject=SubjectReference(object=ObjectReference(object_type="user", object_id=user)),
            consistency=Consistency(fully_consistent=True),
        )
    )
    return answer.permissionship == CheckPermissionResponse.PERMISSIONSHIP_HAS_PERMISSION


def test_a_running_spicedb_has_the_relations_of_the_copy(url: str, connection: Connection) -> None:
    with spicedb(url) as client:
        relate(client, "seeded", "ann", RelationshipUpdate.OPERATION_TOUCH)
        connection.execute(KEEP_SQL.encode())
        for _ in range(2):
            relate(client, "seeded", "ann", RelationshipUpdate.OPERATION_DELETE)
            relate(client, "new", "bob", RelationshipUpdate.OPERATION_TOUCH)
            assert (may_view(client, "seeded", "ann"), may_view(client, "new", "bob")) == (False, True)

            connection.execute(RESTORE_SQL.encode())

            assert (may_view(client, "seeded", "ann"), may_view(client, "new", "bob")) == (True, False)
