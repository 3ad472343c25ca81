"""Users, as signing in meets them: adopted by ``(domain_id, external_subject)``, or provisioned."""

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
    """Who signed in, and whether the sign-in made the user."""

    user_id: UUID
    email: str | None
    provisioned: bool


async def adopt(connection: Connection, domain_id: UUID, person: Person) -> SignedIn | None:
    """Sign a user in who is known already; None where the Domain has no such user."""
    query: LiteralString = (
        f"UPDATE plexsphere.users SET {_SIGNED_IN} WHERE domain_id = %s AND external_subject = %s RETURNING id, email"
    )
    cursor = await connection.execute(query, [*_values(person), domain_id, person.external_subject])
    row = await cursor.fetchone()
    return SignedIn(row[0], row[1], provisioned=False) if row else None


async def provision(connection: Connection, user_id: UUID, domain_id: UUID, person: Person) -> SignedIn:
    """Sign a user in and make them, unless a sign-in at the same moment already has."""
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
