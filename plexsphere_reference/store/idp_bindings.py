"""IdP bindings of Domains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from psycopg.types.json import Jsonb

from plexsphere_reference.store.database import Connection, Database, Row

_COLUMNS: Final = (
    "id, domain_id, issuer, client_id, client_secret_ref, discovery_url, claim_mappings, required_acr, required_amr,"
    " jit_policy, alias, is_primary, status, version, created_at, updated_at"
)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of a binding that a patch may change."""

    discovery_url: str
    claim_mappings: dict[str, str]
    required_acr: list[str]
    required_amr: list[str]
    jit_policy: str
    alias: str | None
    primary: bool


@dataclass(frozen=True, kw_only=True)
class IdpBinding:
    """A binding. Every change increments ``version``."""

    id: UUID
    domain_id: UUID
    issuer: str
    client_id: str
    client_secret_ref: str
    settings: Settings
    status: str
    version: int
    created_at: datetime
    updated_at: datetime


async def insert(
    connection: Connection,
    binding_id: UUID,
    domain_id: UUID,
    settings: Settings,
    *,
    issuer: str,
    client_id: str,
    client_secret_ref: str,
) -> IdpBinding:
    """Insert a binding.

    Constraints: ``idp_bindings_domain_fk``, and among active bindings of the Domain
    ``idp_bindings_active_domain_{issuer,alias,primary}_uq``.
    """
    cursor = await connection.execute(
        "INSERT INTO plexsphere.idp_bindings (id, domain_id, issuer, client_id, client_secret_ref, discovery_url,"
        " claim_mappings, required_acr, required_amr, jit_policy, alias, is_primary)"
        f" VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING {_COLUMNS}",
        [binding_id, domain_id, issuer, client_id, client_secret_ref, *_values(settings)],
    )
    row = await cursor.fetchone()
    assert row is not None
    return _binding(row)


async def get(database: Database, binding_id: UUID) -> IdpBinding | None:
    row = await database.fetch_one(f"SELECT {_COLUMNS} FROM plexsphere.idp_bindings WHERE id = %s", [binding_id])
    return _binding(row) if row else None


async def list_by_domains(database: Database, domain_ids: Sequence[UUID]) -> list[IdpBinding]:
    """Return the bindings of these Domains, including deactivated ones, oldest first."""
    rows = await database.fetch_all(
        f"SELECT {_COLUMNS} FROM plexsphere.idp_bindings WHERE domain_id = ANY(%s) ORDER BY id", [list(domain_ids)]
    )
    return [_binding(row) for row in rows]


async def version(connection: Connection, binding_id: UUID) -> int | None:
    """Lock the binding until the transaction ends and return its version; None if it does not exist."""
    cursor = await connection.execute(
        "SELECT version FROM plexsphere.idp_bindings WHERE id = %s FOR UPDATE", [binding_id]
    )
    row = await cursor.fetchone()
    return row[0] if row else None


async def update(connection: Connection, binding_id: UUID, settings: Settings) -> IdpBinding:
    """Update the settings. Constraints: alias and primary, as in :func:`insert`."""
    cursor = await connection.execute(
        "UPDATE plexsphere.idp_bindings SET discovery_url = %s, claim_mappings = %s, required_acr = %s,"
        " required_amr = %s, jit_policy = %s, alias = %s, is_primary = %s, version = version + 1, updated_at = now()"
        f" WHERE id = %s RETURNING {_COLUMNS}",
        [*_values(settings), binding_id],
    )
    row = await cursor.fetchone()
    assert row is not None
    return _binding(row)


async def set_status(connection: Connection, binding_id: UUID, status: str) -> IdpBinding | None:
    """Set the status; returns None if the binding does not exist. Reactivation: constraints as in :func:`insert`."""
    cursor = await connection.execute(
        "UPDATE plexsphere.idp_bindings SET status = %s, version = version + 1, updated_at = now()"
        f" WHERE id = %s RETURNING {_COLUMNS}",
        [status, binding_id],
    )
    row = await cursor.fetchone()
    return _binding(row) if row else None


def _values(settings: Settings) -> tuple[object, ...]:
    return (
        settings.discovery_url,
        Jsonb(settings.claim_mappings),
        settings.required_acr,
        settings.required_amr,
        settings.jit_policy,
        settings.alias,
        settings.primary,
    )


def _binding(row: Row) -> IdpBinding:
    id_, domain_id, issuer, client_id, client_secret_ref, *settings = row[:12]
    names = ("discovery_url", "claim_mappings", "required_acr", "required_amr", "jit_policy", "alias", "primary")
    return IdpBinding(
        id=id_,
        domain_id=domain_id,
        issuer=issuer,
        client_id=client_id,
        client_secret_ref=client_secret_ref,
        settings=Settings(**dict(zip(names, settings, strict=True))),
        status=row[12],
        version=row[13],
        created_at=row[14],
        updated_at=row[15],
    )
