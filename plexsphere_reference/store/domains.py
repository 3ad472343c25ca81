"""Domains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from plexsphere_reference.rules.tenancy import Network, ReachabilityPolicy
from plexsphere_reference.store.batching import Batcher
from plexsphere_reference.store.database import Connection, Database, Row

_COLUMNS: Final = (
    "id, name, slug, description, region, mesh_cidr, heartbeat_interval, stale_after, unreachable_after,"
    " created_at, updated_at"
)


@dataclass(frozen=True)
class Domain:
    id: UUID
    name: str
    slug: str
    description: str
    region: str | None
    mesh_cidr: Network
    reachability: ReachabilityPolicy
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, kw_only=True)
class Change:
    """New values of a Domain's row."""

    name: str
    description: str
    region: str | None
    mesh_cidr: Network
    reachability: ReachabilityPolicy


@dataclass(frozen=True)
class ChildCounts:
    """Numbers of children that prevent the deletion of a Domain."""

    projects: int
    groups: int
    identities: int
    idp_bindings: int
    nodes: int


@dataclass(frozen=True)
class Allocation:
    """Addresses of a Domain's pool that are allocated to a Project or to a Node in it."""

    project_id: UUID
    network: str


class Domains:
    """Reads single Domains; concurrent reads share a statement."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.get: Batcher[UUID, Domain | None] = Batcher(self._load)

    async def _load(self, ids: Sequence[UUID]) -> Sequence[Domain | None]:
        rows = await self._database.fetch_all(
            f"SELECT {_COLUMNS} FROM plexsphere.domains WHERE id = ANY(%s)", [list(ids)]
        )
        found = {row[0]: _domain(row) for row in rows}
        return [found.get(each) for each in ids]


async def insert(connection: Connection, domain_id: UUID, slug: str, values: Change) -> Domain:
    """Insert a Domain. Constraints: ``domains_slug_uq``, ``domains_mesh_cidr_excl``."""
    await _one_at_a_time(connection)
    cursor = await connection.execute(
        "INSERT INTO plexsphere.domains (id, slug, name, description, region, mesh_cidr, heartbeat_interval,"
        f" stale_after, unreachable_after) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING {_COLUMNS}",
        [domain_id, slug, *_values(values)],
    )
    row = await cursor.fetchone()
    assert row is not None
    return _domain(row)


async def lock(connection: Connection, domain_id: UUID) -> Domain | None:
    """The Domain, its row locked until the transaction ends."""
    cursor = await connection.execute(
        f"SELECT {_COLUMNS} FROM plexsphere.domains WHERE id = %s FOR UPDATE", [domain_id]
    )
    row = await cursor.fetchone()
    return _domain(row) if row else None


async def update(connection: Connection, domain_id: UUID, values: Change) -> Domain:
    """Update a Domain. Constraint: ``domains_mesh_cidr_excl``."""
    await _one_at_a_time(connection)
    cursor = await connection.execute(
        "UPDATE plexsphere.domains SET name = %s, description = %s, region = %s, mesh_cidr = %s,"
        " heartbeat_interval = %s, stale_after = %s, unreachable_after = %s, updated_at = now()"
        f" WHERE id = %s RETURNING {_COLUMNS}",
        [*_values(values), domain_id],
    )
    row = await cursor.fetchone()
    assert row is not None
    return _domain(row)


async def _one_at_a_time(connection: Connection) -> None:
    """Serialize writers of address ranges until the transaction ends.

    Two that insert overlapping ranges under an exclusion constraint wait for each other: Postgres sees the deadlock
    after a second and fails one with an error that does not say "overlap".
    """
    await connection.execute("SELECT pg_advisory_xact_lock(hashtext('plexsphere.domains.mesh_cidr'))")


async def delete(connection: Connection, domain_id: UUID) -> None:
    """Delete the Domain with what :func:`child_counts` does not count: dead bindings, labels of its scope."""
    await connection.execute(
        "DELETE FROM plexsphere.idp_bindings WHERE domain_id = %s AND status = 'deactivated'", [domain_id]
    )
    await connection.execute("DELETE FROM plexsphere.label_definitions WHERE scope_id = %s", [domain_id])
    await connection.execute("DELETE FROM plexsphere.domains WHERE id = %s", [domain_id])


async def list_page(
    database: Database, after_slug: str, most: int, among: Sequence[UUID] | None = None
) -> list[Domain]:
    """List Domains by slug, after ``after_slug``; optionally only those with the ids in ``among``."""
    chosen = "" if among is None else " AND id = ANY(%s)"
    rows = await database.fetch_all(
        f"SELECT {_COLUMNS} FROM plexsphere.domains WHERE slug > %s{chosen} ORDER BY slug LIMIT %s",
        [after_slug, *([] if among is None else [list(among)]), most],
    )
    return [_domain(row) for row in rows]


async def child_counts(connection: Connection, domain_id: UUID) -> ChildCounts:
    cursor = await connection.execute(
        "SELECT (SELECT count(*) FROM plexsphere.projects WHERE domain_id = d.id),"
        " (SELECT count(*) FROM plexsphere.groups WHERE domain_id = d.id),"
        " (SELECT count(*) FROM plexsphere.users WHERE domain_id = d.id),"
        " (SELECT count(*) FROM plexsphere.idp_bindings WHERE domain_id = d.id AND status <> 'deactivated'),"
        " (SELECT count(*) FROM plexsphere.nodes WHERE domain_id = d.id)"
        " FROM (SELECT %s::uuid AS id) AS d",
        [domain_id],
    )
    row = await cursor.fetchone()
    assert row is not None
    return ChildCounts(*row)


async def find_outside(connection: Connection, domain_id: UUID, mesh_cidr: Network) -> Allocation | None:
    """Find a sub-range or Node address of the Domain that lies outside ``mesh_cidr``."""
    cursor = await connection.execute(
        "SELECT id, sub_range_cidr::text FROM plexsphere.projects WHERE domain_id = %s AND NOT sub_range_cidr <<= %s"
        " UNION ALL"
        " SELECT project_id, host(mesh_ip) FROM plexsphere.nodes WHERE domain_id = %s AND NOT mesh_ip <<= %s LIMIT 1",
        [domain_id, mesh_cidr, domain_id, mesh_cidr],
    )
    row = await cursor.fetchone()
    return Allocation(*row) if row else None


def _values(values: Change) -> tuple[object, ...]:
    policy = values.reachability
    return (
        values.name,
        values.description,
        values.region,
        values.mesh_cidr,
        policy.heartbeat_interval,
        policy.stale_after,
        policy.unreachable_after,
    )


def _domain(row: Row) -> Domain:
    domain_id, name, slug, description, region, mesh_cidr, *policy, created_at, updated_at = row
    return Domain(
        domain_id, name, slug, description, region, mesh_cidr, ReachabilityPolicy(*policy), created_at, updated_at
    )
