"""Pending sign-ins, and the active IdP bindings that they use."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, LiteralString
from uuid import UUID

from plexsphere_reference.rules.sign_in import SIGN_IN_LIFETIME, Binding
from plexsphere_reference.store.credentials import digest
from plexsphere_reference.store.database import Connection, Database, Row

_BINDING: Final = (
    "id, domain_id, issuer, client_id, client_secret_ref, discovery_url, claim_mappings, required_acr, required_amr,"
    " jit_policy, alias, is_primary"
)


@dataclass(frozen=True, kw_only=True)
class SignIn:
    """State of a sign-in between its start and its callback."""

    state: str
    binding_id: UUID
    nonce: str = field(repr=False)
    code_verifier: str = field(repr=False)
    return_to: str


async def bindings_of(database: Database, domain_id: UUID) -> list[Binding]:
    """The active bindings of a Domain, the primary one first."""
    query: LiteralString = (
        f"SELECT {_BINDING} FROM plexsphere.idp_bindings WHERE domain_id = %s AND status = 'active'"
        " ORDER BY is_primary DESC, created_at, id"
    )
    return [_binding(row) for row in await database.fetch_all(query, [domain_id])]


async def binding(database: Database, binding_id: UUID) -> Binding | None:
    """The binding, or None if it is not active."""
    query: LiteralString = f"SELECT {_BINDING} FROM plexsphere.idp_bindings WHERE id = %s AND status = 'active'"
    row = await database.fetch_one(query, [binding_id])
    return _binding(row) if row else None


async def insert(connection: Connection, sign_in: SignIn, *, browser: str) -> None:
    """Insert a pending sign-in and delete the expired ones.

    Args:
        browser: The secret of the browser that started it; only its hash is stored.
    """
    await connection.execute("DELETE FROM plexsphere.sign_ins WHERE expires_at < now()")
    await connection.execute(
        "INSERT INTO plexsphere.sign_ins (state, browser_hash, binding_id, nonce, code_verifier, return_to,"
        " expires_at) VALUES (%s, %s, %s, %s, %s, %s, now() + %s)",
        [
            sign_in.state,
            digest(browser),
            sign_in.binding_id,
            sign_in.nonce,
            sign_in.code_verifier,
            sign_in.return_to,
            SIGN_IN_LIFETIME,
        ],
    )


async def consume(database: Database, state: str, *, browser: str) -> SignIn | None:
    """Delete and return the sign-in of ``state``. Returns None if it expired or another browser started it."""
    row = await database.fetch_one(
        "DELETE FROM plexsphere.sign_ins WHERE state = %s AND browser_hash = %s"
        " RETURNING state, binding_id, nonce, code_verifier, return_to, expires_at > now()",
        [state, digest(browser)],
    )
    if row is None or not row[5]:
        return None
    return SignIn(state=row[0], binding_id=row[1], nonce=row[2], code_verifier=row[3], return_to=row[4])


def _binding(row: Row) -> Binding:
    names = (
        "id", "domain_id", "issuer", "client_id", "client_secret_ref", "discovery_url", "claim_mappings",
        "required_acr", "required_amr", "jit_policy", "alias", "primary",
    )  # fmt: skip
    return Binding(**dict(zip(names, row, strict=True)))
