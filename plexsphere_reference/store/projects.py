"""Projects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from plexsphere_reference.rules.tenancy import Network
from plexsphere_reference.store.database import Connection, Database, Row

_COLUMNS: Final = "id, domain_id, name, slug, description, sub_range_cidr, created_at, updated_at"


@dataclass(frozen=True)
class Project:
    id: UUID
    domain_id: UUID
    name: str
    slug: str
    description: str
    sub_range: Network | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, kw_only=True)
class Change:
    """New values of a Project's row."""

    name: str
    description: str
    sub_range: Network | None


@dataclass(frozen=True)
class ChildCounts:
    """Numbers of children that prevent the deletion of a Project."""

    resources: int
    nodes: int
    relation_tuples: int


async def domain_of(database: Database, project_id: UUID) -> UUID | None:
    """The Domain of a Project, for its audit chain. Read before authorization: do not disclose it to callers."""
    row = await database.fetch_one("SELECT domain_id FROM plexsphere.projects WHERE id = %s", [project_id])
    return row[0] if row else None


async def get(database: Database, project_id: UUID) -> Project | None:
    row = await database.fetch_one(f"SELECT {_COLUMNS} FROM plexsphere.projects WHERE id = %s", [project_id])
    return _project(row) if row else None


async def list_page(
    database: Database,
    domain_id: UUID | None,
    after: tuple[str, UUID],
    most: int,
    among: Sequence[UUID] | None = None,
) -> list[Project]:
    """List Projects by slug and id, after ``after``.

    Args:
        domain_id: The Domain that they belong to; None for all.
        among: The ids to choose from; None for all.
    """
    chosen = "" if among is None else " AND id = ANY(%s)"
    rows = await database.fetch_all(
        f"SELECT {_COLUMNS} FROM plexsphere.projects WHERE (%s::uuid IS NULL OR domain_id = %s)"
        f" AND (slug, id) > (%s, %s){chosen} ORDER BY slug, id LIMIT %s",
        [domain_id, domain_id, *after, *([] if among is None else [list(among)]), most],
    )
    return [_project(row) for row in rows]


async def insert(connection: Connection, project_id: UUID, domain_id: UUID, slug: str, values: Change) -> Project:
    """Insert a Project. Constraints: ``projects_domain_slug_uq``, ``projects_domain_fk``."""
    cursor = await connection.execute(
        "INSERT INTO plexsphere.projects (id, domain_id, slug, name, description, sub_range_cidr)"
        f" VALUES (%s, %s, %s, %s, %s, %s) RETURNING {_COLUMNS}",
        [project_id, domain_id, slug, values.name, values.description, values.sub_range],
    )
    row = await cursor.fetchone()
    assert row is not None
    return _project(row)


async def lock(connection: Connection, project_id: UUID) -> Project | None:
    """The Project, its row locked until the transaction ends. If both are locked, lock the Domain first."""
    cursor = await connection.execute(
        f"SELECT {_COLUMNS} FROM plexsphere.projects WHERE id = %s FOR UPDATE", [project_id]
    )
    row = await cursor.fetchone()
    return _project(row) if row else None


async def update(connection: Connection, project_id: UUID, values: Change) -> Project:
    cursor = await connection.execute(
        "UPDATE plexsphere.projects SET name = %s, description = %s, sub_range_cidr = %s, updated_at = now()"
        f" WHERE id = %s RETURNING {_COLUMNS}",
        [values.name, values.description, values.sub_range, project_id],
    )
    row = await cursor.fetchone()
    assert row is not None
    return _project(row)


async def delete(connection: Connection, project_id: UUID) -> None:
    """Delete the Project and the label definitions of its scope."""
    await connection.execute("DELETE FROM plexsphere.label_definitions WHERE scope_id = %s", [project_id])
    await connection.execute("DELETE FROM plexsphere.projects WHERE id = %s", [project_id])


async def overlapping(
    connection: Connection, domain_id: UUID, sub_range: Network, *, but: UUID
) -> tuple[UUID, Network] | None:
    """Find a sibling, other than ``but``, whose sub-range overlaps ``sub_range``.

    An exclusion constraint over Domain and range would need an extension (btree_gist): lock the Domain's row first,
    and this is as good.
    """
    cursor = await connection.execute(
        "SELECT id, sub_range_cidr FROM plexsphere.projects"
        " WHERE domain_id = %s AND id <> %s AND sub_range_cidr && %s ORDER BY id LIMIT 1",
        [domain_id, but, sub_range],
    )
    row = await cursor.fetchone()
    return (row[0], row[1]) if row else None


async def find_node_outside(connection: Connection, project_id: UUID, sub_range: Network) -> str | None:
    """Find the mesh address of a Node of the Project that lies outside ``sub_range``."""
    cursor = await connection.execute(
        "SELECT mesh_ip FROM plexsphere.nodes WHERE project_id = %s AND NOT mesh_ip <<= %s ORDER BY mesh_ip LIMIT 1",
        [project_id, sub_range],
    )
    row = await cursor.fetchone()
    return str(row[0]) if row else None


async def child_counts(connection: Connection, project_id: UUID) -> ChildCounts:
    """Relation tuples never stand in the way: no operation of this plane grants any on a Project but its parent."""
    cursor = await connection.execute(
        "SELECT (SELECT count(*) FROM plexsphere.resources WHERE project_id = p.id),"
        " (SELECT count(*) FROM plexsphere.nodes WHERE project_id = p.id)"
        " FROM (SELECT %s::uuid AS id) AS p",
        [project_id],
    )
    row = await cursor.fetchone()
    assert row is not None
    return ChildCounts(row[0], row[1], relation_tuples=0)


def _project(row: Row) -> Project:
    return Project(*row)
