"""Resources, on which Nodes register."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from plexsphere_reference.store.database import Connection, Database, Row

_COLUMNS: Final = "id, project_id, domain_id, kind, external_ref, origin, created_at, updated_at"


@dataclass(frozen=True)
class Resource:
    id: UUID
    project_id: UUID
    domain_id: UUID
    kind: str
    external_ref: str | None
    origin: str
    created_at: datetime
    updated_at: datetime


async def insert_adopted(
    connection: Connection, resource_id: UUID, project_id: UUID, *, kind: str, external_ref: str | None
) -> Resource | None:
    """Insert a Resource. Returns None if the Project does not exist.

    Constraint: ``resources_project_external_ref_uq``.
    """
    cursor = await connection.execute(
        "INSERT INTO plexsphere.resources (id, project_id, domain_id, kind, external_ref, origin)"
        " SELECT %s, p.id, p.domain_id, %s, %s, 'adopted' FROM plexsphere.projects p WHERE p.id = %s FOR KEY SHARE"
        f" RETURNING {_COLUMNS}",
        [resource_id, kind, external_ref, project_id],
    )
    row = await cursor.fetchone()
    return _resource(row) if row else None


async def get(database: Database, resource_id: UUID) -> Resource | None:
    row = await database.fetch_one(f"SELECT {_COLUMNS} FROM plexsphere.resources WHERE id = %s", [resource_id])
    return _resource(row) if row else None


async def domain_of(database: Database, resource_id: UUID) -> UUID | None:
    """The Domain of a Resource, for its audit chain. Read before authorization: do not disclose it to callers."""
    row = await database.fetch_one("SELECT domain_id FROM plexsphere.resources WHERE id = %s", [resource_id])
    return row[0] if row else None


async def list_page(database: Database, project_id: UUID, after: UUID, most: int) -> list[Resource]:
    """List Resources of a Project by creation time, after ``after`` (ids are UUIDv7, so they sort by time)."""
    rows = await database.fetch_all(
        f"SELECT {_COLUMNS} FROM plexsphere.resources WHERE project_id = %s AND id > %s ORDER BY id LIMIT %s",
        [project_id, after, most],
    )
    return [_resource(row) for row in rows]


async def delete(connection: Connection, resource_id: UUID) -> bool:
    """Delete the Resource; returns False if it does not exist. Constraint: ``nodes_resource_fk``."""
    cursor = await connection.execute("DELETE FROM plexsphere.resources WHERE id = %s", [resource_id])
    return cursor.rowcount == 1


def _resource(row: Row) -> Resource:
    return Resource(*row)
