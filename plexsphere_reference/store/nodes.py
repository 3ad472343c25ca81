"""Nodes, and the allocation of their mesh addresses."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from plexsphere_reference.rules.mesh_addresses import Address, Span
from plexsphere_reference.rules.tenancy import Network
from plexsphere_reference.store.database import Connection, Database


@dataclass(frozen=True)
class Node:
    id: UUID
    domain_id: UUID
    created_at: datetime


@dataclass(frozen=True)
class Site:
    """The address ranges for Nodes of a Project."""

    domain_id: UUID
    mesh_cidr: Network
    sub_range_cidr: Network | None


@dataclass(frozen=True)
class Peer:
    """A Node as the others of its Domain see it."""

    node_id: UUID
    mesh_ip: Address
    public_key: str
    fallback_endpoint: str | None


@dataclass(frozen=True, kw_only=True)
class NewNode:
    id: UUID
    domain_id: UUID
    project_id: UUID
    resource_id: UUID
    mesh_ip: Address
    public_key: str
    nsk: bytes = field(repr=False)


async def list_page(
    database: Database, domain_id: UUID | None, after: UUID | None, most: int, among: Sequence[UUID] | None = None
) -> list[Node]:
    """List Nodes, oldest first, after ``after``; optionally of one Domain, and only those with the given ids."""
    chosen = "" if among is None else " AND id = ANY(%s)"
    rows = await database.fetch_all(
        "SELECT id, domain_id, created_at FROM plexsphere.nodes"
        f" WHERE (%s::uuid IS NULL OR domain_id = %s) AND (%s::uuid IS NULL OR id > %s){chosen} ORDER BY id LIMIT %s",
        [domain_id, domain_id, after, after, *([] if among is None else [list(among)]), most],
    )
    return [Node(*row) for row in rows]


async def project_of(database: Database, node_id: UUID) -> UUID | None:
    """The Project of a Node; None if the Node does not exist."""
    row = await database.fetch_one("SELECT project_id FROM plexsphere.nodes WHERE id = %s", [node_id])
    return row[0] if row else None


async def lock_site(connection: Connection, project_id: UUID) -> Site | None:
    """Lock address allocation in the Project's Domain until the transaction ends."""
    cursor = await connection.execute(
        "SELECT p.domain_id, d.mesh_cidr, p.sub_range_cidr FROM plexsphere.projects p"
        " JOIN plexsphere.domains d ON d.id = p.domain_id WHERE p.id = %s FOR NO KEY UPDATE OF d FOR SHARE OF p",
        [project_id],
    )
    row = await cursor.fetchone()
    return Site(*row) if row else None


async def sub_ranges(connection: Connection, domain_id: UUID) -> list[Network]:
    """The sub-ranges reserved by Projects of the Domain."""
    cursor = await connection.execute(
        "SELECT sub_range_cidr FROM plexsphere.projects WHERE domain_id = %s AND sub_range_cidr IS NOT NULL",
        [domain_id],
    )
    return [row[0] async for row in cursor]


async def highest_addresses(connection: Connection, domain_id: UUID, spans: Sequence[Span]) -> list[Address | None]:
    """The highest allocated address of each span, by one index look-up per span."""
    cursor = await connection.execute(
        "SELECT (SELECT n.mesh_ip FROM plexsphere.nodes n WHERE n.domain_id = %s"
        "  AND n.mesh_ip BETWEEN s.first AND s.last ORDER BY n.mesh_ip DESC LIMIT 1)"
        " FROM unnest(%s::inet[], %s::inet[]) WITH ORDINALITY AS s (first, last, place) ORDER BY s.place",
        [domain_id, *_bounds(spans)],
    )
    return [row[0] async for row in cursor]


async def first_gap(connection: Connection, domain_id: UUID, spans: Sequence[Span]) -> Address | None:
    """The lowest free address in spans whose last address is allocated. Reads every Node of the Domain."""
    cursor = await connection.execute(
        "SELECT CASE WHEN EXISTS (SELECT FROM plexsphere.nodes WHERE domain_id = %s AND mesh_ip = s.first)"
        "  THEN (SELECT n.mesh_ip + 1 FROM plexsphere.nodes n WHERE n.domain_id = %s"
        "   AND n.mesh_ip >= s.first AND n.mesh_ip < s.last AND NOT EXISTS (SELECT FROM plexsphere.nodes above"
        "    WHERE above.domain_id = n.domain_id AND above.mesh_ip = n.mesh_ip + 1) ORDER BY n.mesh_ip LIMIT 1)"
        "  ELSE s.first END AS free"
        " FROM unnest(%s::inet[], %s::inet[]) AS s (first, last) ORDER BY free NULLS LAST LIMIT 1",
        [domain_id, domain_id, *_bounds(spans)],
    )
    row = await cursor.fetchone()
    return row[0] if row else None


async def resource_by_handle(connection: Connection, project_id: UUID, handle: str) -> tuple[UUID, bool] | None:
    """A Project's Resource by its handle, locked against deletion, and whether a Node has registered on it."""
    cursor = await connection.execute(
        "SELECT r.id, n.id IS NOT NULL FROM plexsphere.resources r"
        " LEFT JOIN plexsphere.nodes n ON n.resource_id = r.id WHERE r.project_id = %s AND r.external_ref = %s"
        " FOR KEY SHARE OF r",
        [project_id, handle],
    )
    row = await cursor.fetchone()
    return (row[0], row[1]) if row else None


async def peers(connection: Connection, domain_id: UUID) -> list[Peer]:
    """Every Node of the Domain."""
    cursor = await connection.execute(
        "SELECT id, mesh_ip, public_key, fallback_endpoint FROM plexsphere.nodes"
        " WHERE domain_id = %s AND lifecycle <> 'deregistered' ORDER BY id",
        [domain_id],
    )
    return [Peer(*row) async for row in cursor]


async def insert(connection: Connection, node: NewNode) -> None:
    await connection.execute(
        "INSERT INTO plexsphere.nodes (id, domain_id, project_id, resource_id, mesh_ip, public_key)"
        " VALUES (%s, %s, %s, %s, %s, %s)",
        [node.id, node.domain_id, node.project_id, node.resource_id, node.mesh_ip, node.public_key],
    )
    await connection.execute(
        "INSERT INTO plexsphere.node_secret_keys (node_id, secret_hash) VALUES (%s, %s)",
        [node.id, hashlib.sha256(node.nsk).digest()],
    )


def _bounds(spans: Sequence[Span]) -> tuple[list[Address], list[Address]]:
    return [span.first for span in spans], [span.last for span in spans]
