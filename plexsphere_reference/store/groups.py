"""Groups of Domains."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from plexsphere_reference.store.database import Connection, Database, Row

_COLUMNS: Final = "id, domain_id, slug, display_name, source, idp_binding_id, idp_claim_value, created_at, updated_at"


@dataclass(frozen=True, kw_only=True)
class Values:
    """Values of a new Group. Source ``idp`` requires both IdP fields; other sources have neither."""

    slug: str
    display_name: str
    source: str
    idp_binding_id: UUID | None
    idp_claim_value: str | None


@dataclass(frozen=True)
class Group:
    id: UUID
    domain_id: UUID
    slug: str
    display_name: str
    source: str
    idp_binding_id: UUID | None
    idp_claim_value: str | None
    created_at: datetime
    updated_at: datetime


async def insert(connection: Connection, group_id: UUID, domain_id: UUID, values: Values) -> Group:
    """Insert a Group. Constraints: ``groups_domain_slug_uq``, ``groups_domain_fk``, ``groups_domain_binding_fk``."""
    cursor = await connection.execute(
        "INSERT INTO plexsphere.groups (id, domain_id, slug, display_name, source, idp_binding_id, idp_claim_value)"
        f" VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING {_COLUMNS}",
        [
            group_id,
            domain_id,
            values.slug,
            values.display_name,
            values.source,
            values.idp_binding_id,
            values.idp_claim_value,
        ],
    )
    row = await cursor.fetchone()
    assert row is not None
    return _group(row)


async def get(database: Database, group_id: UUID) -> Group | None:
    row = await database.fetch_one(f"SELECT {_COLUMNS} FROM plexsphere.groups WHERE id = %s", [group_id])
    return _group(row) if row else None


async def domain_of(database: Database, group_id: UUID) -> UUID | None:
    """The Domain of a Group, for its audit chain. Read before authorization: do not disclose it to callers."""
    row = await database.fetch_one("SELECT domain_id FROM plexsphere.groups WHERE id = %s", [group_id])
    return row[0] if row else None


async def list_page(database: Database, domain_id: UUID, after_slug: str, most: int) -> list[Group]:
    """List Groups of a Domain by slug, after ``after_slug``."""
    rows = await database.fetch_all(
        f"SELECT {_COLUMNS} FROM plexsphere.groups WHERE domain_id = %s AND slug > %s ORDER BY slug LIMIT %s",
        [domain_id, after_slug, most],
    )
    return [_group(row) for row in rows]


def _group(row: Row) -> Group:
    return Group(*row)
