"""Browser sessions."""

from __future__ import annotations

from uuid import UUID

from plexsphere_reference.rules.id_token import Person
from plexsphere_reference.rules.sign_in import SESSION_LIFETIME
from plexsphere_reference.store.credentials import digest
from plexsphere_reference.store.database import Connection


async def open_session(connection: Connection, session_id: UUID, user_id: UUID, secret: str, person: Person) -> None:
    """Insert a session and delete the expired ones."""
    await connection.execute("DELETE FROM plexsphere.token_sessions WHERE expires_at < now()")
    await connection.execute(
        "INSERT INTO plexsphere.token_sessions (id, user_id, secret_hash, acr, amr, expires_at)"
        " VALUES (%s, %s, %s, %s, %s, now() + %s)",
        [session_id, user_id, digest(secret), person.acr, list(person.amr), SESSION_LIFETIME],
    )


async def revoke(connection: Connection, session_id: UUID) -> bool:
    """Revoke a session. Returns False if it was revoked before."""
    cursor = await connection.execute(
        "UPDATE plexsphere.token_sessions SET revoked_at = now() WHERE id = %s AND revoked_at IS NULL", [session_id]
    )
    return cursor.rowcount == 1


async def revoke_all(connection: Connection, user_id: UUID) -> int:
    """Revoke the live sessions of a user and return their number."""
    cursor = await connection.execute(
        "UPDATE plexsphere.token_sessions SET revoked_at = now()"
        " WHERE user_id = %s AND revoked_at IS NULL AND expires_at > now()",
        [user_id],
    )
    return cursor.rowcount
