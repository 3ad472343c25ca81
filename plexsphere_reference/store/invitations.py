"""Invitations of persons to Domains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, LiteralString
from uuid import UUID

import msgspec

from plexsphere_reference.rules.id_token import Person
from plexsphere_reference.rules.invitations import InitialTuple
from plexsphere_reference.store.database import Connection, Database, Row

_COLUMNS: Final = (
    "i.id, i.domain_id, i.external_subject, i.status, i.initial_tuples, i.created_at, i.expires_at, i.accepted_at,"
    " i.accepted_user_id, i.revoked_at, i.expired_at"
)


@dataclass(frozen=True)
class Invitation:
    """An invitation. Its ``external_subject`` identifies a person and is not returned by the API."""

    id: UUID
    domain_id: UUID
    external_subject: str = field(repr=False)
    status: str
    initial_tuples: Sequence[InitialTuple]
    created_at: datetime
    expires_at: datetime
    accepted_at: datetime | None
    accepted_user_id: UUID | None
    revoked_at: datetime | None
    expired_at: datetime | None


async def insert_or_get_pending(
    connection: Connection,
    invitation_id: UUID,
    domain_id: UUID,
    external_subject: str,
    tuples: Sequence[InitialTuple],
    *,
    lifetime: timedelta,
) -> Invitation:
    """Insert an invitation, or return the pending one of the same subject, which has another id.

    Constraint: ``invitations_domain_fk``.
    """
    cursor = await connection.execute(
        "INSERT INTO plexsphere.invitations AS i (id, domain_id, external_subject, initial_tuples, expires_at)"
        " VALUES (%s, %s, %s, %s::jsonb, now() + %s)"
        " ON CONFLICT (domain_id, external_subject) WHERE status = 'pending'"
        # Without an update Postgres would not return the existing row.
        f" DO UPDATE SET external_subject = EXCLUDED.external_subject RETURNING {_COLUMNS}",
        [invitation_id, domain_id, external_subject, msgspec.json.encode(tuples).decode(), lifetime],
    )
    row = await cursor.fetchone()
    assert row is not None
    return _invitation(row)


async def list_page(
    database: Database, domain_id: UUID, status: str | None, before: tuple[datetime, UUID] | None, most: int
) -> list[Invitation]:
    """List invitations of a Domain, newest first, after the position ``before`` (None: from the newest)."""
    created_at, invitation_id = before or (None, None)
    rows = await database.fetch_all(
        f"SELECT {_COLUMNS} FROM plexsphere.invitations i WHERE domain_id = %s AND (%s::text IS NULL OR status = %s)"
        " AND (%s::timestamptz IS NULL OR (created_at, id) < (%s, %s)) ORDER BY created_at DESC, id DESC LIMIT %s",
        [domain_id, status, status, created_at, created_at, invitation_id, most],
    )
    return [_invitation(row) for row in rows]


async def get(database: Database, domain_id: UUID, invitation_id: UUID) -> Invitation | None:
    """The invitation, or None if the Domain has no such invitation."""
    row = await database.fetch_one(
        f"SELECT {_COLUMNS} FROM plexsphere.invitations i WHERE domain_id = %s AND id = %s", [domain_id, invitation_id]
    )
    return _invitation(row) if row else None


async def lock(connection: Connection, domain_id: UUID, invitation_id: UUID) -> Invitation | None:
    """The invitation, its row locked until the transaction ends."""
    cursor = await connection.execute(
        f"SELECT {_COLUMNS} FROM plexsphere.invitations i WHERE domain_id = %s AND id = %s FOR UPDATE",
        [domain_id, invitation_id],
    )
    row = await cursor.fetchone()
    return _invitation(row) if row else None


async def lock_pending(connection: Connection, domain_id: UUID, person: Person) -> list[Invitation]:
    """The pending invitations of a person, by their subject or their verified e-mail address; their rows locked."""
    query: LiteralString = (
        f"SELECT {_COLUMNS} FROM plexsphere.invitations i"
        " WHERE domain_id = %s AND status = 'pending' AND expires_at > now()"
        " AND (external_subject = %s OR lower(external_subject) = lower(%s)) ORDER BY id FOR UPDATE"
    )
    cursor = await connection.execute(query, [domain_id, person.external_subject, person.verified_email])
    return [_invitation(row) async for row in cursor]


async def accept(connection: Connection, invitation_id: UUID, user_id: UUID) -> None:
    await connection.execute(
        "UPDATE plexsphere.invitations SET status = 'accepted', accepted_at = now(), accepted_user_id = %s"
        " WHERE id = %s",
        [user_id, invitation_id],
    )


async def revoke(connection: Connection, invitation_id: UUID) -> None:
    await connection.execute(
        "UPDATE plexsphere.invitations SET status = 'revoked', revoked_at = now() WHERE id = %s", [invitation_id]
    )


async def expire(connection: Connection, domain_id: UUID) -> list[UUID]:
    """Mark the Domain's pending invitations whose time is over as expired. Returns their ids."""
    # Locked in the order of their ids, as in lock_pending, so that two of these do not deadlock.
    cursor = await connection.execute(
        "UPDATE plexsphere.invitations SET status = 'expired', expired_at = now() WHERE id IN"
        " (SELECT id FROM plexsphere.invitations WHERE domain_id = %s AND status = 'pending' AND expires_at <= now()"
        "  ORDER BY id FOR UPDATE) RETURNING id",
        [domain_id],
    )
    return [row[0] async for row in cursor]


async def of_domain(
    database: Database, domain_id: UUID, *, projects: frozenset[UUID], groups: frozenset[UUID]
) -> Mapping[str, frozenset[UUID]]:
    """Return those of the Projects and Groups that are the Domain's, by kind."""
    rows = await database.fetch_all(
        "SELECT 'project', id FROM plexsphere.projects WHERE domain_id = %s AND id = ANY(%s) UNION ALL"
        " SELECT 'group', id FROM plexsphere.groups WHERE domain_id = %s AND id = ANY(%s)",
        [domain_id, list(projects), domain_id, list(groups)],
    )
    return {kind: frozenset(id_ for each, id_ in rows if each == kind) for kind in ("project", "group")}


def _invitation(row: Row) -> Invitation:
    invitation_id, domain_id, external_subject, status, tuples, *moments = row
    return Invitation(
        invitation_id, domain_id, external_subject, status, msgspec.convert(tuples, list[InitialTuple]), *moments
    )
