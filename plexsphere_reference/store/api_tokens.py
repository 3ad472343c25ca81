"""API tokens of users."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from plexsphere_reference.rules.api_tokens import ROTATION_GRACE, EnvPrefix
from plexsphere_reference.store.credentials import digest
from plexsphere_reference.store.database import Connection, Database


@dataclass(frozen=True, kw_only=True)
class NewToken:
    """A token to insert. Only the hash of its plaintext is stored."""

    id: UUID
    user_id: UUID
    env_prefix: EnvPrefix
    plaintext: str = field(repr=False)
    lifetime: timedelta
    acr: str | None = None
    amr: Sequence[str] = ()


@dataclass(frozen=True)
class Token:
    """A token without its plaintext."""

    id: UUID
    env_prefix: EnvPrefix
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    rotated_at: datetime | None


async def insert(connection: Connection, token: NewToken) -> datetime:
    """Insert the token and return its expiry time."""
    cursor = await connection.execute(
        "INSERT INTO plexsphere.api_tokens (id, user_id, env_prefix, secret_hash, acr, amr, expires_at)"
        " VALUES (%s, %s, %s, %s, %s, %s, now() + %s) RETURNING expires_at",
        [
            token.id,
            token.user_id,
            token.env_prefix,
            digest(token.plaintext),
            token.acr,
            list(token.amr),
            token.lifetime,
        ],
    )
    row = await cursor.fetchone()
    assert row is not None
    expires_at: datetime = row[0]
    return expires_at


async def of_user(database: Database, user_id: UUID) -> list[Token]:
    """List the valid tokens of a user, oldest first."""
    rows = await database.fetch_all(
        "SELECT id, env_prefix, created_at, expires_at, last_used_at, rotated_at FROM plexsphere.api_tokens"
        " WHERE user_id = %s AND revoked_at IS NULL AND expires_at > now() ORDER BY created_at, id",
        [user_id],
    )
    return [Token(*row) for row in rows]


async def lock(connection: Connection, token_id: UUID, user_id: UUID) -> Token | None:
    """A valid token of the user, its row locked until the transaction ends."""
    cursor = await connection.execute(
        "SELECT id, env_prefix, created_at, expires_at, last_used_at, rotated_at FROM plexsphere.api_tokens"
        " WHERE id = %s AND user_id = %s AND revoked_at IS NULL AND expires_at > now() FOR UPDATE",
        [token_id, user_id],
    )
    row = await cursor.fetchone()
    return Token(*row) if row else None


async def rotate(connection: Connection, token_id: UUID, plaintext: str) -> datetime:
    """Replace the value of a token whose row the caller has locked.

    Values that were rotated away earlier keep their own sunset.

    Returns:
        The sunset of the value that this one replaces: it works until then.
    """
    await connection.execute("DELETE FROM plexsphere.retired_token_values WHERE sunset_at < now()")
    cursor = await connection.execute(
        "INSERT INTO plexsphere.retired_token_values (secret_hash, token_id, sunset_at)"
        " SELECT secret_hash, id, least(now() + %s, expires_at) FROM plexsphere.api_tokens WHERE id = %s"
        " RETURNING sunset_at",
        [ROTATION_GRACE, token_id],
    )
    row = await cursor.fetchone()
    assert row is not None
    await connection.execute(
        "UPDATE plexsphere.api_tokens SET secret_hash = %s, rotated_at = now() WHERE id = %s",
        [digest(plaintext), token_id],
    )
    sunset_at: datetime = row[0]
    return sunset_at


async def revoke(connection: Connection, token_id: UUID) -> None:
    """Revoke the token and its rotated values."""
    await connection.execute("UPDATE plexsphere.api_tokens SET revoked_at = now() WHERE id = %s", [token_id])
