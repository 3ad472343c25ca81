"""A unit of work: commit a write with its event and relationships."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from plexsphere_reference.authz.model import Authorizer, Relationship
from plexsphere_reference.store import outbox
from plexsphere_reference.store.database import Connection


@dataclass(frozen=True, kw_only=True)
class Unit:
    """One transaction: its connection, and the event and relationships of the write."""

    connection: Connection
    authorizer: Authorizer
    correlation_id: str

    async def event(
        self, type_: str, aggregate: str, aggregate_id: UUID, *, domain_id: UUID | None, **payload: object
    ) -> None:
        """Add the write's event to the outbox: ``tx.event("DomainCreated", "domain", id, domain_id=id, slug=…)``."""
        await outbox.append(
            self.connection,
            outbox.DomainEvent(
                type=type_,
                aggregate_type=aggregate,
                aggregate_id=aggregate_id,
                domain_id=domain_id,
                payload={"id": aggregate_id, **payload, "correlation_id": self.correlation_id},
            ),
        )

    async def relate(self, *relationships: Relationship) -> None:
        """Write relation tuples before the commit: a tuple without a row is harmless, a row without a tuple is not."""
        await self.authorizer.write(relationships, connection=self.connection)
