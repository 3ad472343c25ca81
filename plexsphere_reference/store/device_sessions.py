"""Device authorization sessions (RFC 8628)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, LiteralString
from uuid import UUID

from plexsphere_reference.rules.device import INTERVAL, LIFETIME, DeviceSession
from plexsphere_reference.rules.principal import Principal
from plexsphere_reference.store.credentials import digest
from plexsphere_reference.store.database import Connection, Database, Row

_SELECT: Final = (
    "SELECT d.id, d.user_code, d.binding_id, b.domain_id, b.status = 'active', d.client_id, d.interval_seconds,"
    " d.expires_at, d.last_polled_at, d.approved_by, d.denied_by, d.approved_acr, d.approved_amr,"
    " d.spent_at, clock_timestamp()"
    " FROM plexsphere.device_sessions d JOIN plexsphere.idp_bindings b ON b.id = d.binding_id"
)


@dataclass(frozen=True, kw_only=True)
class NewDevice:
    """A device session to insert. Only the hash of its device code is stored."""

    id: UUID
    device_code: str = field(repr=False)
    user_code: str
    binding_id: UUID
    client_id: str | None


async def insert(connection: Connection, device: NewDevice) -> bool:
    """Insert the device session; returns False if its user code is taken. Deletes sessions expired for a day."""
    await connection.execute("DELETE FROM plexsphere.device_sessions WHERE expires_at < now() - interval '1 day'")
    cursor = await connection.execute(
        "INSERT INTO plexsphere.device_sessions"
        " (id, device_code_hash, user_code, binding_id, client_id, interval_seconds, expires_at)"
        " VALUES (%s, %s, %s, %s, %s, %s, now() + %s) ON CONFLICT (user_code) DO NOTHING",
        [
            device.id,
            digest(device.device_code),
            device.user_code,
            device.binding_id,
            device.client_id,
            INTERVAL,
            LIFETIME,
        ],
    )
    return cursor.rowcount == 1


async def by_user_code(database: Database, user_code: str) -> DeviceSession | None:
    query: LiteralString = f"{_SELECT} WHERE d.user_code = %s"
    row = await database.fetch_one(query, [user_code])
    return _session(row) if row else None


async def lock_by_user_code(connection: Connection, user_code: str) -> DeviceSession | None:
    """The device session, its row locked until the transaction ends."""
    query: LiteralString = f"{_SELECT} WHERE d.user_code = %s FOR UPDATE OF d"
    row = await (await connection.execute(query, [user_code])).fetchone()
    return _session(row) if row else None


async def lock_by_device_code(connection: Connection, device_code: str) -> DeviceSession | None:
    """The device session, its row locked until the transaction ends."""
    query: LiteralString = f"{_SELECT} WHERE d.device_code_hash = %s FOR UPDATE OF d"
    row = await (await connection.execute(query, [digest(device_code)])).fetchone()
    return _session(row) if row else None


async def record_poll(connection: Connection, session_id: UUID, *, longer_by: int) -> None:
    """Record a poll and lengthen the polling interval by ``longer_by`` seconds."""
    await connection.execute(
        "UPDATE plexsphere.device_sessions SET last_polled_at = clock_timestamp(),"
        " interval_seconds = interval_seconds + %s WHERE id = %s",
        [longer_by, session_id],
    )


async def approve(connection: Connection, session_id: UUID, principal: Principal) -> None:
    """Record who approved the device session, with the ``acr`` and ``amr`` of their sign-in."""
    await connection.execute(
        "UPDATE plexsphere.device_sessions SET approved_by = %s, approved_at = now(), approved_acr = %s,"
        " approved_amr = %s WHERE id = %s",
        [principal.id, principal.acr, list(principal.amr), session_id],
    )


async def deny(connection: Connection, session_id: UUID, principal: Principal) -> None:
    """Record who denied the device session."""
    await connection.execute(
        "UPDATE plexsphere.device_sessions SET denied_by = %s, denied_at = now() WHERE id = %s",
        [principal.id, session_id],
    )


async def spend(connection: Connection, session_id: UUID) -> None:
    await connection.execute("UPDATE plexsphere.device_sessions SET spent_at = now() WHERE id = %s", [session_id])


def _session(row: Row) -> DeviceSession:
    names = (
        "id", "user_code", "binding_id", "domain_id", "binding_active", "client_id", "interval_seconds", "expires_at",
        "last_polled_at", "approved_by", "denied_by", "approved_acr", "approved_amr", "spent_at", "now",
    )  # fmt: skip
    values = dict(zip(names, row, strict=True))
    return DeviceSession(**{**values, "approved_amr": tuple(values["approved_amr"])})
