"""Bootstrap tokens, stored as a look-up key in clear and an Argon2id hash, never as plaintext."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from plexsphere_reference.rules import bootstrap_tokens
from plexsphere_reference.rules.bootstrap_tokens import Plaintext, Refusal
from plexsphere_reference.store.database import Connection, Database, Row

_COLUMNS: Final = (
    "t.id, t.project_id, t.kind, t.env_prefix, t.issued_at, t.expires_at, t.consumed_at, t.revoked_at,"
    " t.issued_by_user_id"
)


@dataclass(frozen=True)
class BootstrapToken:
    id: UUID
    project_id: UUID
    kind: str
    env_prefix: str
    issued_at: datetime
    expires_at: datetime
    consumed_at: datetime | None
    revoked_at: datetime | None
    issued_by_user_id: UUID

    @property
    def refusal(self) -> Refusal | None:
        """The reason why the token cannot be redeemed now, or None if it can."""
        return bootstrap_tokens.refusal(
            consumed_at=self.consumed_at,
            revoked_at=self.revoked_at,
            expires_at=self.expires_at,
            now=datetime.now(UTC),
        )


@dataclass(frozen=True)
class Candidate:
    """The token of a look-up key. Verify the plaintext against ``argon2_hash`` before trusting it."""

    token: BootstrapToken
    domain_id: UUID
    argon2_hash: str = field(repr=False)


async def insert(
    connection: Connection,
    token_id: UUID,
    plaintext: Plaintext,
    argon2_hash: str,
    *,
    lifetime: timedelta,
    issued_by: UUID,
) -> BootstrapToken:
    """Insert a token. Constraint: ``bootstrap_tokens_project_fk``."""
    cursor = await connection.execute(
        "INSERT INTO plexsphere.bootstrap_tokens AS t"
        " (id, project_id, kind, env_prefix, lookup, argon2_hash, expires_at, issued_by_user_id)"
        f" VALUES (%s, %s, %s, %s, %s, %s, now() + %s, %s) RETURNING {_COLUMNS}",
        [
            token_id,
            plaintext.project_id,
            plaintext.kind,
            plaintext.env_prefix,
            plaintext.lookup,
            argon2_hash,
            lifetime,
            issued_by,
        ],
    )
    row = await cursor.fetchone()
    assert row is not None
    return BootstrapToken(*row)


async def list_page(database: Database, project_id: UUID, after: UUID | None, most: int) -> list[BootstrapToken]:
    """List tokens of a Project, oldest first, after ``after``."""
    rows = await database.fetch_all(
        f"SELECT {_COLUMNS} FROM plexsphere.bootstrap_tokens t"
        " WHERE t.project_id = %s AND (%s::uuid IS NULL OR t.id > %s) ORDER BY t.id LIMIT %s",
        [project_id, after, after, most],
    )
    return [BootstrapToken(*row) for row in rows]


async def get(database: Database, project_id: UUID, token_id: UUID) -> BootstrapToken | None:
    """The token, or None if the Project has no such token."""
    row = await database.fetch_one(
        f"SELECT {_COLUMNS} FROM plexsphere.bootstrap_tokens t WHERE t.id = %s AND t.project_id = %s",
        [token_id, project_id],
    )
    return _token(row)


async def lock(connection: Connection, project_id: UUID, token_id: UUID) -> BootstrapToken | None:
    """The token, its row locked until the transaction ends."""
    cursor = await connection.execute(
        f"SELECT {_COLUMNS} FROM plexsphere.bootstrap_tokens t WHERE t.id = %s AND t.project_id = %s FOR UPDATE",
        [token_id, project_id],
    )
    return _token(await cursor.fetchone())


async def revoke(connection: Connection, token_id: UUID) -> None:
    await connection.execute("UPDATE plexsphere.bootstrap_tokens SET revoked_at = now() WHERE id = %s", [token_id])


async def candidate(database: Database, lookup: str) -> Candidate | None:
    """The token of a look-up key, whatever its state."""
    row = await database.fetch_one(
        f"SELECT {_COLUMNS}, p.domain_id, t.argon2_hash FROM plexsphere.bootstrap_tokens t"
        " JOIN plexsphere.projects p ON p.id = t.project_id WHERE t.lookup = %s",
        [lookup],
    )
    return Candidate(BootstrapToken(*row[:-2]), *row[-2:]) if row else None


async def consume(connection: Connection, token_id: UUID, *, nonce: str, node_id: UUID) -> None:
    """Mark the token as redeemed by a Node. Constraint: ``bootstrap_tokens_nonce_uq``."""
    await connection.execute(
        "UPDATE plexsphere.bootstrap_tokens SET consumed_at = now(), consumed_nonce = %s, consumed_by_node_id = %s"
        " WHERE id = %s",
        [hashlib.sha256(nonce.encode()).digest(), node_id, token_id],
    )


def _token(row: Row | None) -> BootstrapToken | None:
    return BootstrapToken(*row) if row else None
