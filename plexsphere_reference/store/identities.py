"""Read the users of a Domain."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from plexsphere_reference.store.database import Database, Row

_COLUMNS: Final = "id, domain_id, external_subject, email, display_name, last_sign_in_at, created_at, updated_at"


@dataclass(frozen=True)
class Identity:
    """A user. Only the Domain's auditors may see ``external_subject`` and ``email``."""

    id: UUID
    domain_id: UUID
    external_subject: str
    email: str | None
    display_name: str
    last_sign_in_at: datetime | None
    created_at: datetime
    updated_at: datetime


async def list_page(
    database: Database, domain_id: UUID, before: tuple[datetime, UUID] | None, most: int
) -> list[Identity]:
    """List users of a Domain, newest first, after the position ``before`` (None: from the newest)."""
    created_at, identity_id = before or (None, None)
    rows = await database.fetch_all(
        f"SELECT {_COLUMNS} FROM plexsphere.users WHERE domain_id = %s"
        " AND (%s::timestamptz IS NULL OR (created_at, id) < (%s, %s)) ORDER BY created_at DESC, id DESC LIMIT %s",
        [domain_id, created_at, created_at, identity_id, most],
    )
    return [_identity(row) for row in rows]


async def get(database: Database, domain_id: UUID, identity_id: UUID) -> Identity | None:
    """The user, or None if the Domain has no such user."""
    row = await database.fetch_one(
        f"SELECT {_COLUMNS} FROM plexsphere.users WHERE domain_id = %s AND id = %s", [domain_id, identity_id]
    )
    return _identity(row) if row else None


def _identity(row: Row) -> Identity:
    return Identity(*row)
