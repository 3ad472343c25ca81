"""Find the principal of a secret. Secrets are 256 random bits, so their plain SHA-256 is stored."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from plexsphere_reference.rules.principal import Credential, Principal
from plexsphere_reference.store.batching import Batcher
from plexsphere_reference.store.database import Database, Row
from plexsphere_reference.store.token_use import TokenUse

_SESSIONS: Final = """
SELECT s.secret_hash, u.id, u.domain_id, u.external_subject, u.email, s.id, s.acr, s.amr
FROM plexsphere.token_sessions s JOIN plexsphere.users u ON u.id = s.user_id
WHERE s.secret_hash = ANY(%s) AND s.revoked_at IS NULL AND s.expires_at > now()
"""
_TOKENS: Final = """
SELECT t.secret_hash, u.id, u.domain_id, u.external_subject, u.email, t.id, t.acr, t.amr
FROM plexsphere.api_tokens t JOIN plexsphere.users u ON u.id = t.user_id
WHERE t.secret_hash = ANY(%s) AND t.revoked_at IS NULL AND t.expires_at > now()
"""
_RETIRED_VALUES: Final = """
SELECT r.secret_hash, u.id, u.domain_id, u.external_subject, u.email, t.id, t.acr, t.amr
FROM plexsphere.retired_token_values r JOIN plexsphere.api_tokens t ON t.id = r.token_id
JOIN plexsphere.users u ON u.id = t.user_id
WHERE r.secret_hash = ANY(%s) AND t.revoked_at IS NULL AND r.sunset_at > now()
"""


def digest(secret: str) -> bytes:
    """The SHA-256 digest that is stored for a secret."""
    return hashlib.sha256(secret.encode()).digest()


class Credentials:
    """Looks up the principals of secrets; concurrent look-ups share a statement."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sessions: Batcher[bytes, Principal | None] = Batcher(self._load_sessions)
        self._tokens: Batcher[bytes, Principal | None] = Batcher(self._load_tokens)
        self._use = TokenUse(database)

    async def of_session(self, secret: str) -> Principal | None:
        """The user of a session cookie; None for an unknown, ended or expired one."""
        return await self._sessions(digest(secret))

    async def of_token(self, plaintext: str) -> Principal | None:
        """The user of a ``psk_`` token, a rotated value included until its sunset."""
        principal = await self._tokens(digest(plaintext))
        if principal is not None:
            self._use.note(principal.credential_id)
        return principal

    async def of_node(self, node_id: UUID, nsk: bytes) -> tuple[Principal | None, bool]:
        """The Node of an NSK, and whether that NSK has been revoked."""
        row = await self._database.fetch_one(
            "SELECT n.id, n.domain_id, k.revoked_at IS NOT NULL FROM plexsphere.node_secret_keys k"
            " JOIN plexsphere.nodes n ON n.id = k.node_id WHERE k.node_id = %s AND k.secret_hash = %s",
            [node_id, hashlib.sha256(nsk).digest()],
        )
        if row is None:
            return None, False
        principal = Principal(
            kind="node",
            id=row[0],
            domain_id=row[1],
            external_subject=str(row[0]),
            credential="nsk",
            credential_id=row[0],
        )
        return principal, row[2]

    async def _load_sessions(self, hashes: Sequence[bytes]) -> Sequence[Principal | None]:
        rows = await self._database.fetch_all(_SESSIONS, [list(hashes)])
        return _in_order(hashes, rows, "session")

    async def _load_tokens(self, hashes: Sequence[bytes]) -> Sequence[Principal | None]:
        rows = await self._database.fetch_all(_TOKENS, [list(hashes)])
        known = {row[0] for row in rows}
        if unknown := [each for each in hashes if each not in known]:
            rows += await self._database.fetch_all(_RETIRED_VALUES, [unknown])
        return _in_order(hashes, rows, "token")


def _in_order(hashes: Sequence[bytes], rows: Sequence[Row], credential: Credential) -> list[Principal | None]:
    holders = {row[0]: _principal(row, credential) for row in rows}
    return [holders.get(each) for each in hashes]


def _principal(row: Row, credential: Credential) -> Principal:
    _, user_id, domain_id, subject, email, credential_id, acr, amr = row
    return Principal(
        kind="user",
        id=user_id,
        domain_id=domain_id,
        external_subject=subject,
        email=email,
        credential=credential,
        credential_id=credential_id,
        acr=acr,
        amr=tuple(amr),
    )
