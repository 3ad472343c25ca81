"""Heartbeats, and the reachability that follows from them and from the Domain's policy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address
from typing import Final
from uuid import UUID

from plexsphere_reference.rules.reachability import State
from plexsphere_reference.store.database import Connection, Database

# The state that is due. The thresholds are the Domain's (rules.tenancy.ReachabilityPolicy).
_DUE: Final = (
    "CASE WHEN n.last_heartbeat_at IS NULL OR n.last_heartbeat_at + d.unreachable_after <= now() THEN 'unreachable'"
    " WHEN n.last_heartbeat_at + d.stale_after <= now() THEN 'stale' ELSE 'healthy' END"
)
_NODES: Final = "plexsphere.nodes n JOIN plexsphere.domains d ON d.id = n.domain_id"


@dataclass(frozen=True)
class Standing:
    """A Node's stored reachability (``state``) and the one that is due by its policy (``due``)."""

    node_id: UUID
    domain_id: UUID
    state: State
    due: State
    changed_at: datetime
    last_heartbeat_at: datetime | None
    mesh_ip: IPv4Address | IPv6Address
    stale_after: timedelta


_STANDING: Final = (
    f"SELECT n.id, n.domain_id, n.reachability, {_DUE}, n.reachability_changed_at, n.last_heartbeat_at, n.mesh_ip,"
    f" d.stale_after FROM {_NODES}"
)


async def of_node(database: Database, node_id: UUID) -> Standing | None:
    row = await database.fetch_one(f"{_STANDING} WHERE n.id = %s", [node_id])
    return Standing(*row) if row else None


async def of_domain(database: Database, domain_id: UUID) -> list[Standing]:
    """Every Node of the Domain, oldest first."""
    rows = await database.fetch_all(
        f"{_STANDING} WHERE n.domain_id = %s AND n.lifecycle <> 'deregistered' ORDER BY n.id", [domain_id]
    )
    return [Standing(*row) for row in rows]


async def lock(connection: Connection, node_id: UUID) -> Standing | None:
    """The Node's standing, its row locked until the transaction ends."""
    row = await (await connection.execute(f"{_STANDING} WHERE n.id = %s FOR UPDATE OF n", [node_id])).fetchone()
    return Standing(*row) if row else None


async def lock_overdue(connection: Connection, node_ids: Sequence[UUID] | None, most: int) -> list[Standing]:
    """Lock and return Nodes whose stored state differs from the due one; ``node_ids`` None means all Nodes."""
    cursor = await connection.execute(
        f"{_STANDING} WHERE n.reachability <> {_DUE} AND (%s::uuid[] IS NULL OR n.id = ANY(%s::uuid[]))"
        " ORDER BY n.id LIMIT %s FOR UPDATE OF n",
        [node_ids, node_ids, most],
    )
    return [Standing(*row) async for row in cursor]


async def set_state(connection: Connection, node_id: UUID, state: State) -> None:
    await connection.execute(
        "UPDATE plexsphere.nodes SET reachability = %s, reachability_changed_at = now() WHERE id = %s",
        [state, node_id],
    )


async def until_next_deadline(database: Database) -> timedelta | None:
    """Time until the next Node changes state without a heartbeat; None if no Node can."""
    row = await database.fetch_one(
        "SELECT min(n.last_heartbeat_at + CASE n.reachability WHEN 'healthy' THEN d.stale_after"
        f" ELSE d.unreachable_after END) - now() FROM {_NODES} WHERE n.reachability <> 'unreachable'"
    )
    return row[0] if row else None


async def beat_healthy(database: Database, node_id: UUID, binary_version: str) -> datetime | None:
    """Record a heartbeat of a healthy Node in one statement. Returns None if the heartbeat changes the state."""
    row = await database.fetch_one(
        "UPDATE plexsphere.nodes n SET last_heartbeat_at = now(), binary_version = %s FROM plexsphere.domains d"
        " WHERE n.id = %s AND d.id = n.domain_id AND n.reachability = 'healthy'"
        " AND n.last_heartbeat_at + d.stale_after > now() RETURNING n.last_heartbeat_at",
        [binary_version, node_id],
    )
    return row[0] if row else None


async def beat(connection: Connection, node_id: UUID, binary_version: str) -> datetime:
    """Record a heartbeat and return its time."""
    cursor = await connection.execute(
        "UPDATE plexsphere.nodes SET last_heartbeat_at = now(), binary_version = %s WHERE id = %s"
        " RETURNING last_heartbeat_at",
        [binary_version, node_id],
    )
    row = await cursor.fetchone()
    assert row is not None
    accepted_at: datetime = row[0]
    return accepted_at
