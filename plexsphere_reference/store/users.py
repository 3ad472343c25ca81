"""Find or provision the user of a sign-in, by ``(domain_id, external_subject)``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, LiteralString
from uuid import UUID

from plexsphere_reference.rules.id_token import Person
from plexsphere_reference.store.database import Connection

_SIGNED_IN: Final = (
    "email = coalesce(%s, users.email), display_name = %s, last_sign_in_at = now(),"
    " updated_at = CASE WHEN (users.email, users.display_name) IS DISTINCT FROM (coalesce(%s, users.email), %s)"
    " THEN now() ELSE users.updated_at END"
)


@dataclass(frozen=True)
class SignedIn:
    """The signed-in user, and whether this sign-in provisioned them."""

    user_id: UUID
    email: str | None
    provisioned: bool


async def adopt(connection: Connection, domain_id: UUID, person: Person) -> SignedIn | None:
    """Update an existing user with the claims of a sign-in. Returns None if the Domain has no such user."""
    query: LiteralString = (
        f"UPDATE plexsphere.users SET {_SIGNED_IN} WHERE domain_id = %s AND external_subject = %s RETURNING id, email"
    )
    cursor = await connection.execute(query, [*_values(person), domain_id, person.external_subject])
    row = await cursor.fetchone()
    return SignedIn(row[0], row[1], provisioned=False) if row else None


async def provision(connection: Connection, user_id: UUID, domain_id: UUID, person: Person) -> SignedIn:
    """Create the user, or update the one that a concurrent sign-in created."""
    query: LiteralString = (
        "INSERT INTO plexsphere.users (id, domain_id, external_subject, email, display_name, last_sign_in_at)"
        " VALUES (%s, %s, %s, %s, %s, now()) ON CONFLICT ON CONSTRAINT users_domain_external_subject_uq"
        f" DO UPDATE SET {_SIGNED_IN} RETURNING id, email"
    )
    values = [user_id, domain_id, person.external_subject, person.email, person.display_name]
    cursor = await connection.execute(query, [*values, *_values(person)])
    row = await cursor.fetchone()
    assert row is not None
    return SignedIn(row[0], row[1], provisioned=row[0] == user_id)


def _values(person: Person) -> list[object]:
    return [person.email, person.display_name, person.email, person.display_name]
