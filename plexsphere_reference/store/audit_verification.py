"""Verify audit chains, each in one snapshot of the database, without delaying other requests."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final
from uuid import UUID
from weakref import WeakValueDictionary

from plexsphere_reference.rules.audit import GENESIS
from plexsphere_reference.rules.audit_chain import ChainWalk, Divergence
from plexsphere_reference.store import audit
from plexsphere_reference.store.database import Connection, Database

_CHUNK: Final = 100
"""Entries hashed before yielding to other requests; takes 1-2 ms."""
_AT_ONCE: Final = 2
"""Maximum of concurrent verifications, each with a connection; the pool has ten in total."""


@dataclass(frozen=True, kw_only=True)
class Verification:
    """The result for the entries ``first`` to ``last``; ``divergence`` is None if all of them match."""

    first: int
    last: int
    divergence: Divergence | None


class AuditVerifier:
    """Verifies at most one segment per chain and two chains at once; others wait without a connection."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._chains: WeakValueDictionary[UUID, asyncio.Lock] = WeakValueDictionary()

    async def verify(self, chain_id: UUID, first: int, last: int | None) -> Verification:
        """Verify the entries ``first`` to ``last`` (None: the newest) as they are when their turn comes.

        Entries and head are read in one snapshot: what is appended meanwhile is in both or in neither.
        """
        chain = self._chains.setdefault(chain_id, asyncio.Lock())
        async with chain, self._slots, self._database.snapshot() as connection:
            return await _verify(connection, chain_id, first, last)


async def _verify(connection: Connection, chain_id: UUID, first: int, last: int | None) -> Verification:
    head = await audit.head(connection, chain_id)
    until = head.seq if last is None else min(last, head.seq)
    walk = ChainWalk(seq=first - 1, previous=await _hash_before(connection, chain_id, first))
    divergence = await _walk(connection, chain_id, walk, until) or walk.end_at(head)
    if divergence is None and (last is None or last > head.seq):
        stray = await audit.segment(connection, chain_id, after=max(head.seq, first - 1), until=last, most=1)
        if stray:  # The chain has never appended it.
            until = stray[0].seq
            divergence = Divergence(seq=until, expected=GENESIS, observed=stray[0].entry_hash)
    return Verification(first=first, last=max(until, first), divergence=divergence)


async def _walk(connection: Connection, chain_id: UUID, walk: ChainWalk, until: int) -> Divergence | None:
    while walk.seq < until:
        entries = await audit.segment(connection, chain_id, after=walk.seq, until=until, most=_CHUNK)
        divergence = walk.follow(entries) if entries else walk.missing()
        if divergence is not None:
            return divergence
        await asyncio.sleep(0)
    return None


async def _hash_before(connection: Connection, chain_id: UUID, first: int) -> bytes:
    if first == 1:
        return GENESIS
    before = await audit.segment(connection, chain_id, after=first - 2, until=first - 1, most=1)
    return before[0].entry_hash if before else GENESIS
