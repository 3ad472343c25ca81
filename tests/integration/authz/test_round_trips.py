"""The statements and rows that the evaluator over Postgres reads, and the relation paths that it returns."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path

import psycopg
import pytest

from plexsphere_reference.authz.connect import SCHEMA, connect
from plexsphere_reference.authz.model import AuthzUnavailable, Relationship
from plexsphere_reference.authz.postgres import _LOAD, PostgresAuthorizer
from plexsphere_reference.settings import Settings
from plexsphere_reference.store.database import Database
from tests.support.authorizers import CountingDatabase, Open
from tests.support.authz_tuples import TUPLES, tuples

pytestmark = pytest.mark.anyio


async def test_checks_that_wait_at_the_same_time_share_one_statement(
    open_backend: Open, database: CountingDatabase
) -> None:
    authorizer = await open_backend("postgres", SCHEMA.read_text())
    domains = [f"domain:{uuid.uuid4()}" for _ in range(32)]
    await authorizer.write([Relationship(domain, "admin", f"user:{n}") for n, domain in enumerate(domains)])
    database.statements = 0

    decisions = await asyncio.gather(*(authorizer.check(f"user:{n}", "read", d) for n, d in enumerate(domains)))

    assert [decision.relation_path for decision in decisions] == [(f"{domain}#admin",) for domain in domains]
    assert database.statements == 1


async def test_a_list_costs_one_statement_for_each_step_of_its_paths(
    open_backend: Open, database: CountingDatabase
) -> None:
    authorizer = await open_backend("postgres", SCHEMA.read_text())
    await authorizer.write(Relationship(f"node:{n}", "parent", "project:web") for n in range(200))
    await authorizer.write(tuples("project:web#parent@domain:acme domain:acme#admin@user:ada"))
    database.statements = 0

    assert await authorizer.check_many("user:ada", "read", [f"node:{n}" for n in range(200)]) == [True] * 200
    assert database.statements == 3  # the nodes, their Project, its Domain


async def test_unrelated_objects_are_not_read_to_list_a_few_domains(
    open_backend: Open, database: CountingDatabase
) -> None:
    authorizer = await open_backend("postgres", SCHEMA.read_text())
    await authorizer.write(tuples("domain:acme#admin@user:ada project:web#parent@domain:acme"))
    await authorizer.write(Relationship(f"node:{n}", "parent", "domain:acme") for n in range(20_000))
    await database.execute("VACUUM ANALYZE plexsphere.relation_tuples")
    await authorizer.enumerate_resources("user:ada", "read", "domain", limit=1000)
    database.rows = 0

    assert await authorizer.enumerate_resources("user:ada", "read", "domain", limit=1000) == ["domain:acme"]
    assert await authorizer.enumerate_resources("user:ada", "read", "node", limit=1000) is None

    assert database.rows <= 1 + 1 + 1001  # the Domain, ada's relation to it, and Nodes until there are too many


async def test_the_relation_path_goes_from_subject_to_resource(open_backend: Open) -> None:
    authorizer = await open_backend("postgres", SCHEMA.read_text())
    await authorizer.write(tuples(TUPLES))

    by_domain = await authorizer.check("user:ada", "manage", "project:web")
    by_groups = await authorizer.check("user:ivan", "observe", "project:web")

    assert by_domain.relation_path == ("domain:acme#admin", "project:web#parent")
    assert by_groups.relation_path == ("group:interns#member", "group:staff#member", "project:web#member")


async def test_a_check_does_not_read_every_member_of_a_domain(open_backend: Open, database: CountingDatabase) -> None:
    authorizer = await open_backend("postgres", SCHEMA.read_text())
    await authorizer.write(Relationship("domain:big", "member", f"user:{n}") for n in range(20_000))
    await authorizer.write(tuples("domain:big#admin@group:ops#member group:ops#member@user:ada"))
    await database.execute("VACUUM ANALYZE plexsphere.relation_tuples")
    database.rows = 0

    assert (await authorizer.check("user:ada", "manage", "domain:big")).allowed
    assert not (await authorizer.check("user:nobody", "read", "domain:big")).allowed

    assert database.rows == 3  # the group seen by each of the two, and ada in it
    assert await _blocks_read(database, "domain", "big", "user", "nobody", "") < 30


async def _blocks_read(database: Database, *ask: str) -> int:
    """Return the number of blocks that one look-up of an object reads with the generic plan."""
    async with database.connection() as connection:
        await connection.execute("SET plan_cache_mode = force_generic_plan")
        cursor = await connection.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {_LOAD}", [[part] for part in ask])
        row = await cursor.fetchone()
        await connection.execute("RESET plan_cache_mode")
    assert row is not None
    plan = row[0][0]["Plan"]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


async def test_a_tuple_is_rolled_back_with_its_transaction(open_backend: Open, database: CountingDatabase) -> None:
    authorizer = await open_backend("postgres", SCHEMA.read_text())
    async with database.transaction() as connection:
        await authorizer.write(tuples("domain:acme#admin@user:ada"), connection=connection)
        _roll_back()

    assert not (await authorizer.check("user:ada", "manage", "domain:acme")).allowed


def _roll_back() -> None:
    # In a function, because mypy does not know that the transaction suppresses it and would report unreachable code.
    raise psycopg.Rollback


async def test_overlapping_writers_do_not_deadlock(open_backend: Open) -> None:
    authorizer = await open_backend("postgres", SCHEMA.read_text())
    relationships = [Relationship(f"domain:{n}", "admin", "user:ada") for n in range(200)]

    await asyncio.gather(
        *(authorizer.write(relationships) for _ in range(4)),
        *(authorizer.write(reversed(relationships)) for _ in range(4)),
    )

    assert all(await authorizer.check_many("user:ada", "manage", [r.resource for r in relationships]))


async def test_without_postgres_nothing_is_known(tmp_path: Path) -> None:
    database = Database(f"postgresql://plexsphere@/plexsphere?host={tmp_path}")
    authorizer = connect(Settings(database_url=""), database)
    assert isinstance(authorizer, PostgresAuthorizer)
    await database.open()

    errors = await asyncio.gather(
        authorizer.check("user:ada", "read", "domain:acme"),
        authorizer.write(tuples("domain:acme#admin@user:ada")),
        authorizer.ready(),
        return_exceptions=True,
    )

    assert [type(error) for error in errors] == [AuthzUnavailable] * 3
    await database.close()
