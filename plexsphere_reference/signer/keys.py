"""Signing keys and their states, in ``plexsphere.signing_keys``."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Final, Literal, Self, TypeAlias
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from plexsphere_reference.ids import uuid7
from plexsphere_reference.store.database import Connection, Database, Row

State: TypeAlias = Literal["active", "rotating", "retired"]
Failure: TypeAlias = Literal[
    "key retired", "rotation in progress", "key not found", "scope mismatch", "invariant violation"
]

_SCOPE: Final = re.compile(r"platform|domain:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class SigningError(Exception):
    """The key's state does not permit the request. The text is the contract's, without its ``signing:`` prefix."""

    def __init__(self, failure: Failure) -> None:
        self.failure = failure
        super().__init__(failure)


@dataclass(frozen=True)
class SigningKey:
    """A signing key. ``private_key`` is None once the key is retired."""

    id: UUID
    scope: str
    state: State
    public_key: bytes
    private_key: bytes | None = field(repr=False)

    @classmethod
    def generate(cls, scope: str) -> Self:
        secret = Ed25519PrivateKey.generate()
        return cls(uuid7(), scope, "active", secret.public_key().public_bytes_raw(), secret.private_bytes_raw())

    def sign(self, payload: bytes) -> bytes:
        """Return the 64-byte signature of ``payload``.

        Raises:
            SigningError: The key is rotating or retired.
        """
        if self.state == "rotating":
            raise SigningError("rotation in progress")
        if self.private_key is None:
            raise SigningError("key retired")
        return Ed25519PrivateKey.from_private_bytes(self.private_key).sign(payload)


class Keys:
    """The keys of all scopes. Several signers may share a database, which serialises their changes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, scope: str, key_id: str) -> SigningKey:
        """Return the scope's active key, created on first use; with ``key_id`` that key, in any state."""
        _require_scope(scope)
        return await self._pinned(scope, key_id) if key_id else await self._active(scope)

    async def open_rotation(self, scope: str) -> tuple[SigningKey, SigningKey]:
        """Create a new active key. Returns it and the previous one, which is now rotating."""
        _require_scope(scope)
        await self._active(scope)
        async with self._database.transaction() as connection:
            active, rotating = await _locked(connection, scope)
            if rotating is not None:
                raise SigningError("rotation in progress")
            previous = await _rotate(connection, active)
            key = SigningKey.generate(scope)
            await _insert(connection, key)
        return key, previous

    async def close_rotation(self, scope: str) -> tuple[SigningKey, SigningKey]:
        """Retire the rotating key; returns the active one and the retired one."""
        _require_scope(scope)
        async with self._database.transaction() as connection:
            active, rotating = await _locked(connection, scope)
            if rotating is None:
                raise SigningError("key not found")
            return active, await _retire(connection, rotating)

    async def _active(self, scope: str) -> SigningKey:
        query = (
            "SELECT id, scope, state, public_key, private_key FROM plexsphere.signing_keys"
            " WHERE scope = %s AND state = 'active'"
        )
        row = await self._database.fetch_one(query, [scope])
        if row is None:
            async with self._database.connection() as connection:
                await _insert(connection, SigningKey.generate(scope))
            row = await self._database.fetch_one(query, [scope])  # this key, or that of a concurrent call
            assert row is not None
        return _key(row)

    async def _pinned(self, scope: str, key_id: str) -> SigningKey:
        try:
            wanted = UUID(key_id)
        except ValueError:
            raise SigningError("invariant violation") from None
        row = await self._database.fetch_one(
            "SELECT id, scope, state, public_key, private_key FROM plexsphere.signing_keys WHERE id = %s", [wanted]
        )
        if row is None:
            raise SigningError("key not found")
        key = _key(row)
        if key.scope != scope:
            raise SigningError("scope mismatch")
        return key


def _require_scope(scope: str) -> None:
    if not _SCOPE.fullmatch(scope):
        raise SigningError("invariant violation")


async def _locked(connection: Connection, scope: str) -> tuple[SigningKey, SigningKey | None]:
    """Lock the scope against other rotations, and return its active and rotating key."""
    # Lock in a separate statement, so that the following query sees the changes of the other rotation.
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"signing:{scope}"])
    cursor = await connection.execute(
        "SELECT id, scope, state, public_key, private_key FROM plexsphere.signing_keys"
        " WHERE scope = %s AND state <> 'retired'",
        [scope],
    )
    keys = {key.state: key for key in map(_key, await cursor.fetchall())}
    if "active" not in keys:
        raise SigningError("key not found")
    return keys["active"], keys.get("rotating")


async def _insert(connection: Connection, key: SigningKey) -> None:
    await connection.execute(
        "INSERT INTO plexsphere.signing_keys (id, scope, state, public_key, private_key)"
        " VALUES (%s, %s, %s, %s, %s) ON CONFLICT (scope) WHERE state = 'active' DO NOTHING",
        [key.id, key.scope, key.state, key.public_key, key.private_key],
    )


async def _rotate(connection: Connection, key: SigningKey) -> SigningKey:
    await connection.execute(
        "UPDATE plexsphere.signing_keys SET state = 'rotating', rotated_at = now() WHERE id = %s", [key.id]
    )
    return replace(key, state="rotating")


async def _retire(connection: Connection, key: SigningKey) -> SigningKey:
    await connection.execute(
        "UPDATE plexsphere.signing_keys SET state = 'retired', retired_at = now(), private_key = NULL WHERE id = %s",
        [key.id],
    )
    return replace(key, state="retired", private_key=None)


def _key(row: Row) -> SigningKey:
    return SigningKey(*row)
