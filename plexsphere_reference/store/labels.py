"""Label definitions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg.types.json import Jsonb

from plexsphere_reference.store.database import Connection, Database, Row

_COLUMNS: Final = (
    "id, scope, scope_id, local_key, qualified_key, description, value_schema, applicable_kinds, required,"
    " default_value, immutable, cloud_tag_propagation, on_delete, cardinality, created_by, created_at, updated_at"
)


@dataclass(frozen=True, kw_only=True)
class Values:
    """The values of a new definition."""

    scope: str
    scope_id: UUID
    local_key: str
    qualified_key: str
    description: str
    value_schema: dict[str, object]
    applicable_kinds: list[str]
    required: bool
    default_value: object
    immutable: bool
    cloud_tag_propagation: bool
    on_delete: str
    cardinality: int


@dataclass(frozen=True)
class LabelDefinition:
    """A label definition. The ``scope_id`` of the platform is the nil UUID."""

    id: UUID
    scope: str
    scope_id: UUID
    local_key: str
    qualified_key: str
    description: str
    value_schema: dict[str, object]
    applicable_kinds: list[str]
    required: bool
    default_value: Any
    immutable: bool
    cloud_tag_propagation: bool
    on_delete: str
    cardinality: int
    created_by: str
    created_at: datetime
    updated_at: datetime


async def prefix(connection: Connection, scope: str, scope_id: UUID) -> str | None:
    """Return the prefix of qualified keys in this scope; None if the Domain or Project does not exist.

    Locks the row against deletion, because definitions have no foreign key: their scope is one of three types.
    """
    if scope == "platform":
        return "platform"
    query: Final = {
        "domain": "SELECT slug FROM plexsphere.domains WHERE id = %s FOR KEY SHARE",
        "project": "SELECT d.slug || ':' || p.slug FROM plexsphere.projects p"
        " JOIN plexsphere.domains d ON d.id = p.domain_id WHERE p.id = %s FOR KEY SHARE",
    }
    row = await (await connection.execute(query[scope], [scope_id])).fetchone()
    return row[0] if row else None


async def insert(connection: Connection, definition_id: UUID, values: Values) -> LabelDefinition:
    """Insert a definition.

    Constraints: ``label_definitions_scope_key_uq``, ``label_definitions_qualified_key_uq``.
    """
    cursor = await connection.execute(
        "INSERT INTO plexsphere.label_definitions (id, scope, scope_id, local_key, qualified_key, description,"
        " value_schema, applicable_kinds, required, default_value, immutable, cloud_tag_propagation, on_delete,"
        " cardinality) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
        f" RETURNING {_COLUMNS}",
        [
            definition_id,
            values.scope,
            values.scope_id,
            values.local_key,
            values.qualified_key,
            values.description,
            Jsonb(values.value_schema),
            values.applicable_kinds,
            values.required,
            None if values.default_value is None else Jsonb(values.default_value),
            values.immutable,
            values.cloud_tag_propagation,
            values.on_delete,
            values.cardinality,
        ],
    )
    row = await cursor.fetchone()
    assert row is not None
    return _definition(row)


async def get(database: Database, definition_id: UUID) -> LabelDefinition | None:
    row = await database.fetch_one(
        f"SELECT {_COLUMNS} FROM plexsphere.label_definitions WHERE id = %s", [definition_id]
    )
    return _definition(row) if row else None


async def list_page(database: Database, scope_id: UUID, after_key: str, most: int) -> list[LabelDefinition]:
    """Return the definitions of a scope after ``after_key``, sorted by key."""
    rows = await database.fetch_all(
        f"SELECT {_COLUMNS} FROM plexsphere.label_definitions WHERE scope_id = %s AND local_key > %s"
        " ORDER BY local_key LIMIT %s",
        [scope_id, after_key, most],
    )
    return [_definition(row) for row in rows]


def _definition(row: Row) -> LabelDefinition:
    return LabelDefinition(*row)
