"""Evaluate reachability, in the background at each deadline and on every read."""

from __future__ import annotations

import asyncio
import functools
import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec
import psycopg

from plexsphere_reference.ids import uuid7
from plexsphere_reference.log import log
from plexsphere_reference.rules import reachability as rules
from plexsphere_reference.rules.audit import AuditRecord, pseudonym
from plexsphere_reference.rules.reachability import Transition
from plexsphere_reference.store import audit, outbox
from plexsphere_reference.store import reachability as store
from plexsphere_reference.store.database import Connection, Database, DatastoreUnavailable
from plexsphere_reference.store.reachability import Standing

AUDIT_RELATION: Final = "node_reachability.transition"

_SUBJECT: Final = "reachability evaluator"
_BATCH: Final = 100
_SHORTEST_SLEEP: Final = 0.005
_LONGEST_SLEEP: Final = 60.0
"""Seconds after which the deadlines are read again, because another API process may have changed them."""
_PAUSE_AFTER_FAILURE: Final = 1.0


class Evaluator:
    """Writes transitions due to missed heartbeats and policy changes: state, event and audit row in one transaction.

    Its background task sleeps until the earliest deadline of all Nodes. Heartbeats only move deadlines
    later and need no notification; changes that move one earlier must call :meth:`expect`.
    """

    def __init__(self, database: Database, *, pseudonym_key: bytes) -> None:
        self._database = database
        self._pseudonym_key = pseudonym_key
        self._next = math.inf
        self._moved = asyncio.Event()

    async def run(self) -> None:
        """Evaluate at every deadline until cancelled."""
        while True:
            self._next = math.inf
            try:
                await self.settle()
                await self._plan()
            except (DatastoreUnavailable, psycopg.Error) as error:
                log("WARN", "reachability not evaluated", reason=f"{type(error).__name__}: {error}")
                self._wake_in(_PAUSE_AFTER_FAILURE)
            await self._sleep()

    def expect(self, within: timedelta = timedelta(0)) -> None:
        """Evaluate after at most this time, because a deadline may have moved earlier."""
        self._wake_in(within.total_seconds())

    async def settle(self, node_ids: Sequence[UUID] | None = None) -> None:
        """Write the due transitions of these Nodes (None: of all)."""
        while await self._settle_batch(node_ids) == _BATCH:
            pass

    async def _settle_batch(self, node_ids: Sequence[UUID] | None) -> int:
        row_of = functools.partial(self._audit_row, str(uuid7()))
        async with self._database.transaction() as connection:
            overdue = await store.lock_overdue(connection, node_ids, _BATCH)
            await write(connection, [(each, rules.by_time(each.state, each.due)) for each in overdue], row_of)
        return len(overdue)

    def _audit_row(self, correlation_id: str, domain_id: UUID) -> AuditRecord:
        return AuditRecord(
            chain_id=domain_id,
            occurred_at=datetime.now(UTC),
            reason="granted",
            subject=pseudonym(self._pseudonym_key, domain_id, _SUBJECT),
            identity_id_ref=None,
            relation=AUDIT_RELATION,
            object_type="domain",
            object_id=domain_id.hex,
            correlation_id=correlation_id,
            ip=None,
            user_agent=None,
        )

    async def _plan(self) -> None:
        left = await store.until_next_deadline(self._database)
        self._wake_in(_LONGEST_SLEEP if left is None else max(left.total_seconds(), _SHORTEST_SLEEP))

    def _wake_in(self, seconds: float) -> None:
        at = asyncio.get_running_loop().time() + min(seconds, _LONGEST_SLEEP)
        if at < self._next:
            self._next = at
            self._moved.set()

    async def _sleep(self) -> None:
        while (left := self._next - asyncio.get_running_loop().time()) > 0:
            self._moved.clear()
            try:
                async with asyncio.timeout(left):
                    await self._moved.wait()
            except TimeoutError:
                return


async def write(
    connection: Connection,
    moves: Sequence[tuple[Standing, Sequence[Transition]]],
    row_of: Callable[[UUID], AuditRecord],
) -> None:
    """Write transitions of Nodes that this transaction has locked, each with an event and an audit row.

    Args:
        row_of: Returns the audit row for a Domain; its context is added here.
    """
    rows = []
    for standing, transitions in moves:
        for transition in transitions:
            row = _in_context(row_of(standing.domain_id), standing, transition)
            await outbox.append(connection, _event(standing, transition, row.correlation_id))
            rows.append(row)
        if transitions:
            await store.set_state(connection, standing.node_id, transitions[-1].after)
    if rows:
        await audit.append(connection, rows)


def _in_context(row: AuditRecord, standing: Standing, transition: Transition) -> AuditRecord:
    path = [transition.before, transition.after, transition.cause]
    return msgspec.structs.replace(row, caveat_context={"node": [str(standing.node_id)], "path": path})


def _event(standing: Standing, transition: Transition, correlation_id: str) -> outbox.DomainEvent:
    return outbox.DomainEvent(
        type="NodeReachabilityChanged",
        aggregate_type="node",
        aggregate_id=standing.node_id,
        domain_id=standing.domain_id,
        payload={
            "id": standing.node_id,
            "from": transition.before,
            "to": transition.after,
            "reason": transition.cause,
            "correlation_id": correlation_id,
        },
    )
