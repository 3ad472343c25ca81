"""Transactional outbox: one event per write of an aggregate, published to NATS by the relay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

import msgspec

from plexsphere_reference.ids import uuid7
from plexsphere_reference.store.database import Connection

CHANNEL = "plexsphere_outbox"
"""The channel that the relay listens on. Postgres delivers notifications when the transaction commits."""


@dataclass(frozen=True, kw_only=True)
class DomainEvent:
    """An event of an aggregate; ``domain_id`` is None for aggregates of the platform."""

    type: str
    aggregate_type: str
    aggregate_id: UUID
    domain_id: UUID | None
    payload: Mapping[str, object]


async def append(connection: Connection, event: DomainEvent) -> None:
    """Add the event to the outbox inside the caller's transaction."""
    await connection.execute(
        "INSERT INTO plexsphere.outbox_events (id, domain_id, aggregate_type, aggregate_id, event_type, payload)"
        " VALUES (%s, %s, %s, %s, %s, %s::jsonb)",
        [
            uuid7(),
            event.domain_id,
            event.aggregate_type,
            event.aggregate_id,
            event.type,
            msgspec.json.encode(event.payload).decode(),
        ],
    )
    await connection.execute(f"NOTIFY {CHANNEL}")
