"""Append to the audit chains and read them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from plexsphere_reference.rules.audit import (
    PLATFORM_CHAIN,
    AuditRecord,
    DomainRecord,
    canonical_bytes,
    entry_hash,
    members,
)
from plexsphere_reference.rules.audit_chain import Head
from plexsphere_reference.store.batching import Batcher
from plexsphere_reference.store.database import Connection, Database, Row

_APPEND: Final = """
WITH appended AS (
    INSERT INTO plexsphere.audit_entries
    SELECT * FROM jsonb_populate_recordset(NULL::plexsphere.audit_entries, %s::jsonb)
)
UPDATE plexsphere.audit_chains AS chain SET last_seq = head.last_seq, last_hash = head.last_hash
FROM jsonb_populate_recordset(NULL::plexsphere.audit_chains, %s::jsonb) AS head
WHERE chain.chain_id = head.chain_id
"""
_COLUMNS: Final = (
    "chain_id, occurred_at, reason, subject, identity_id_ref, relation, object_type, object_id,"
    " correlation_id, ip, user_agent, caveat_context, seq, prev_hash, entry_hash"
)
_HIGHEST_SEQ: Final = 2**63 - 1


class StoredEntry(msgspec.Struct, frozen=True):
    """A stored entry with its position and hashes."""

    record: AuditRecord
    seq: int
    prev_hash: bytes
    entry_hash: bytes


async def append(connection: Connection, records: Sequence[AuditRecord]) -> None:
    """Append records to their chains, in the caller's transaction.

    A chain starts with its Domain's first record and is closed with the Domain. If the Domain does not exist, a
    :class:`DomainRecord` is appended to the platform's chain. The heads stay locked until the transaction ends, so
    append last.
    """
    heads = await _lock_heads(connection, {record.chain_id for record in records})
    rows = []
    for each in records:
        record = each.on_platform() if isinstance(each, DomainRecord) and each.chain_id not in heads else each
        last_seq, previous = heads[record.chain_id]
        seq = last_seq + 1
        digest = entry_hash(previous, canonical_bytes(record, seq))
        heads[record.chain_id] = (seq, digest)
        rows.append(
            {
                **members(record),
                "seq": seq,
                "prev_hash": f"\\x{previous.hex()}",
                "entry_hash": f"\\x{digest.hex()}",
            }
        )
    new_heads = [
        {"chain_id": chain, "last_seq": seq, "last_hash": f"\\x{digest.hex()}"}
        for chain, (seq, digest) in heads.items()
    ]
    await connection.execute(_APPEND, [msgspec.json.encode(rows).decode(), msgspec.json.encode(new_heads).decode()])


async def _lock_heads(connection: Connection, chains: set[UUID]) -> dict[UUID, tuple[int, bytes]]:
    """Lock and return the heads of the open chains, plus the platform's chain if one is not open.

    The chains to lock are determined first and locked in the order of their ids, so that concurrent appends do not
    deadlock.
    """
    heads = await _lock_if_all_open(connection, sorted(chains))
    if heads:
        return heads
    await connection.execute(
        "INSERT INTO plexsphere.audit_chains (chain_id)"
        " SELECT id FROM plexsphere.domains WHERE id = ANY(%s) UNION SELECT %s ORDER BY 1 ON CONFLICT DO NOTHING",
        [list(chains), PLATFORM_CHAIN],
    )
    while not heads:
        cursor = await connection.execute(
            "SELECT chain_id FROM plexsphere.audit_chains WHERE chain_id = ANY(%s) AND closed_at IS NULL",
            [list(chains)],
        )
        # Repeat if a chain was closed before it was locked.
        heads = await _lock_if_all_open(connection, sorted({PLATFORM_CHAIN, *[row[0] async for row in cursor]}))
    return heads


async def _lock_if_all_open(connection: Connection, chains: Sequence[UUID]) -> dict[UUID, tuple[int, bytes]]:
    """Lock and return the heads of all these chains; empty if one is missing or closed."""
    cursor = await connection.execute(
        "SELECT chain_id, last_seq, last_hash FROM plexsphere.audit_chains"
        " WHERE chain_id = ANY(%s) AND closed_at IS NULL AND %s ="
        " (SELECT count(*) FROM plexsphere.audit_chains WHERE chain_id = ANY(%s) AND closed_at IS NULL)"
        " ORDER BY chain_id FOR UPDATE",
        [list(chains), len(chains), list(chains)],
    )
    heads = {row[0]: (row[1], row[2]) async for row in cursor}
    return heads if len(heads) == len(chains) else {}


async def close_chain(connection: Connection, chain_id: UUID) -> None:
    """Close the chain of a Domain that this transaction deletes."""
    # Lock the platform's chain first, because its id is the lowest (see _lock_heads).
    await connection.execute("SELECT FROM plexsphere.audit_chains WHERE chain_id = %s FOR UPDATE", [PLATFORM_CHAIN])
    await connection.execute(
        "INSERT INTO plexsphere.audit_chains (chain_id, closed_at) VALUES (%s, now())"
        " ON CONFLICT (chain_id) DO UPDATE SET closed_at = now()",
        [chain_id],
    )


class AuditLog:
    """Appends the rows of reads. Concurrent requests share a commit, and are answered after it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._batcher: Batcher[AuditRecord, None] = Batcher(self._append, most=64)

    async def append(self, record: AuditRecord) -> None:
        """Return once the record is durable."""
        await self._batcher(record)

    async def _append(self, records: Sequence[AuditRecord]) -> Sequence[None]:
        async with self._database.transaction() as connection:
            await append(connection, records)
        return [None] * len(records)


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """The filters of ``GET …/audit/entries``, combined with AND."""

    subject: str | None = None
    relation: str | None = None
    object_type: str | None = None
    object_id: str | None = None
    reason: str | None = None
    correlation_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


async def entries(database: Database, chain_id: UUID, filters: Filters, *, after: int, most: int) -> list[StoredEntry]:
    """Return the entries of a chain after the number ``after``, ascending."""
    rows = await database.fetch_all(
        f"SELECT {_COLUMNS} FROM plexsphere.audit_entries WHERE chain_id = %s AND seq > %s"
        " AND (%s::text IS NULL OR subject = %s) AND (%s::text IS NULL OR relation = %s)"
        " AND (%s::text IS NULL OR object_type = %s) AND (%s::text IS NULL OR object_id = %s)"
        " AND (%s::text IS NULL OR reason = %s) AND (%s::text IS NULL OR correlation_id = %s)"
        " AND (%s::timestamptz IS NULL OR occurred_at >= %s) AND (%s::timestamptz IS NULL OR occurred_at <= %s)"
        " ORDER BY seq LIMIT %s",
        [chain_id, after, *(value for each in msgspec.structs.astuple(filters) for value in (each, each)), most],
    )
    return [_stored(row) for row in rows]


async def entry(database: Database, chain_id: UUID, seq: int) -> StoredEntry | None:
    row = await database.fetch_one(
        f"SELECT {_COLUMNS} FROM plexsphere.audit_entries WHERE chain_id = %s AND seq = %s", [chain_id, seq]
    )
    return _stored(row) if row else None


async def segment(
    connection: Connection, chain_id: UUID, *, after: int, until: int | None, most: int
) -> list[StoredEntry]:
    """Return the first entries after ``after``, up to ``until`` (None: the newest), ascending."""
    cursor = await connection.execute(
        f"SELECT {_COLUMNS} FROM plexsphere.audit_entries"
        " WHERE chain_id = %s AND seq > %s AND seq <= %s ORDER BY seq LIMIT %s",
        [chain_id, after, _HIGHEST_SEQ if until is None else until, most],
    )
    return [_stored(row) async for row in cursor]


async def head(connection: Connection, chain_id: UUID) -> Head:
    """Return the stored head of the chain; the default head if it has no entries."""
    cursor = await connection.execute(
        "SELECT last_seq, last_hash FROM plexsphere.audit_chains WHERE chain_id = %s", [chain_id]
    )
    row = await cursor.fetchone()
    return Head(seq=row[0], hash=row[1]) if row else Head()


def _stored(row: Row) -> StoredEntry:
    names = AuditRecord.__struct_fields__
    *values, seq, previous, digest = row
    return StoredEntry(AuditRecord(**dict(zip(names, values, strict=True))), seq, previous, digest)
