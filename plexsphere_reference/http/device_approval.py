"""Approve or deny a device as the signed-in user. Shared by the API, which has no operation to deny, and the page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from plexsphere_reference.http.context import Call
from plexsphere_reference.http.problems import Problem
from plexsphere_reference.http.unit_of_work import Unit
from plexsphere_reference.http.user_code_throttle import UNKNOWN_CODE, throttled
from plexsphere_reference.rules.device import DeviceSession
from plexsphere_reference.rules.principal import Principal
from plexsphere_reference.store import audit, device_sessions


async def approve(call: Call, user_code: str, who: Principal) -> None:
    """Approve the device session for ``who``.

    Raises:
        Problem: 404 ``device_code_not_found``, 409 ``device_code_expired`` or ``device_code_already_approved``; 429
            ``too_many_requests`` after too many wrong codes.
    """
    async with _pending(call, user_code, who) as (tx, session):
        await device_sessions.approve(tx.connection, session.id, who)
        await _announce(call, tx, session, who, event="DeviceAuthorizationApproved", action="auth.device.approve")


async def deny(call: Call, user_code: str, who: Principal) -> None:
    """Deny the device session as ``who``: its device gets ``access_denied``.

    Raises:
        Problem: As :func:`approve`.
    """
    async with _pending(call, user_code, who) as (tx, session):
        await device_sessions.deny(tx.connection, session.id, who)
        await _announce(call, tx, session, who, event="DeviceAuthorizationDenied", action="auth.device.deny")


@asynccontextmanager
async def _pending(call: Call, user_code: str, who: Principal) -> AsyncIterator[tuple[Unit, DeviceSession]]:
    """Lock the pending device session until the end of the body."""
    async with throttled(call, who):
        _known_to(who, await device_sessions.by_user_code(call.plane.database, user_code))
    async with call.transaction() as tx:
        session = _known_to(who, await device_sessions.lock_by_user_code(tx.connection, user_code))
        check_pending(session)
        yield tx, session


async def _announce(call: Call, tx: Unit, session: DeviceSession, who: Principal, *, event: str, action: str) -> None:
    await tx.event(event, "device_session", session.id, domain_id=who.domain_id, user_id=who.id)
    record = call.record("granted", action, f"device_session:{session.id}", who.domain_id)
    await audit.append(tx.connection, [record])


def _known_to(who: Principal, session: DeviceSession | None) -> DeviceSession:
    """Return the device session; 404 if it does not exist or belongs to another Domain."""
    if session is None or session.domain_id != who.domain_id or not session.binding_active:
        raise not_found()
    return session


def check_pending(session: DeviceSession) -> None:
    """Raise 409 if the device session can no longer be approved."""
    if session.state == "denied":
        # The contract has no code of its own for it, since it has no operation to deny.
        raise Problem(409, "device_code_expired", "this device was denied; start again on the device")
    if session.state == "expired":
        raise Problem(409, "device_code_expired", "this code has expired; start again on the device")
    if session.state != "pending":
        raise Problem(409, "device_code_already_approved", "this device was approved already")


def malformed() -> Problem:
    return Problem(400, "invalid_body", "user_code must be two groups of four from A-Z and 2-7, as ABCD-EFGH")


def not_found() -> Problem:
    return Problem(404, UNKNOWN_CODE, "no device waits with this code")
