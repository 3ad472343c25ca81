"""The device-code flow (RFC 8628): the device's requests and the user's approval."""

from __future__ import annotations

from typing import Annotated, Final, cast
from uuid import UUID

import msgspec
from starlette.responses import Response

from plexsphere_reference.http import device_page
from plexsphere_reference.http.context import Call
from plexsphere_reference.http.device_approval import approve as approve_device
from plexsphere_reference.http.device_approval import malformed
from plexsphere_reference.http.device_form import show_page, submit_page
from plexsphere_reference.http.operation import Operation
from plexsphere_reference.http.problems import Problem
from plexsphere_reference.http.request_body import FORM
from plexsphere_reference.http.session_auth import interactive
from plexsphere_reference.http.sign_in import no_binding, public_url, resolve
from plexsphere_reference.http.unit_of_work import Unit
from plexsphere_reference.ids import uuid7
from plexsphere_reference.rules import device
from plexsphere_reference.rules.api_tokens import env_prefix_of, new_plaintext
from plexsphere_reference.rules.device import DeviceSession, PollOutcome
from plexsphere_reference.rules.sign_in import DEVICE_PAGE, Binding
from plexsphere_reference.store import api_tokens, audit, device_sessions, sign_ins
from plexsphere_reference.store.api_tokens import NewToken
from plexsphere_reference.store.device_sessions import NewDevice

_Text = Annotated[str, msgspec.Meta(max_length=4096)]
_NO_STORE: Final = {"Cache-Control": "no-store"}
_POLL_PROBLEMS: Final[dict[PollOutcome, str]] = {
    "authorization_pending": "this device has not been approved yet",
    "slow_down": "this device polls too often; wait 5 s longer between polls from now on",
    "expired_token": "this device was not approved in time; start again",
    "invalid_grant": "this device code is unknown, used, or another client's",
    "access_denied": "the user denied this device, or its IdP binding is not active any more",
}


class DeviceCodeRequest(msgspec.Struct, forbid_unknown_fields=True):
    domain_id: UUID | None = None
    idp_binding_id: UUID | None = None
    idp_binding_alias: _Text | None = None
    client_id: _Text | None = None


class DeviceTokenRequest(msgspec.Struct, forbid_unknown_fields=True):
    device_code: _Text
    client_id: _Text | None = None


class ApproveRequest(msgspec.Struct, forbid_unknown_fields=True):
    user_code: str


# ---- requests of the device ---------------------------------------------------------------


async def device_code(call: Call) -> Response:
    body = await call.body(DeviceCodeRequest)
    binding = await _binding(call, body)
    new = NewDevice(
        id=uuid7(),
        device_code=device.new_device_code(),
        user_code=device.new_user_code(),
        binding_id=binding.id,
        client_id=body.client_id,
    )
    async with call.transaction() as tx:
        if not await device_sessions.insert(tx.connection, new):
            raise Problem(503, "datastore_unavailable", "no free user code was found; try again")
        await tx.event("DeviceAuthorizationStarted", "device_session", new.id, domain_id=binding.domain_id)
        record = call.record("granted", "auth.device_code.start", f"idp_binding:{binding.id}", binding.domain_id)
        await audit.append(tx.connection, [record])
    origin = public_url(call)
    answer = {
        "device_code": new.device_code,
        "user_code": device.shown(new.user_code),
        "verification_uri": f"{origin}{DEVICE_PAGE}",
        "verification_uri_complete": f"{origin}{device_page.path_of(new.user_code)}",
        "expires_in": int(device.LIFETIME.total_seconds()),
        "interval": device.INTERVAL,
    }
    return call.json(answer, headers=_NO_STORE)


async def _binding(call: Call, body: DeviceCodeRequest) -> Binding:
    if body.idp_binding_id is not None and body.idp_binding_alias is not None:
        raise Problem(400, "invalid_body", "set idp_binding_id or idp_binding_alias, not both")
    if body.domain_id is not None:
        return await resolve(call, body.domain_id, binding_id=body.idp_binding_id, alias=body.idp_binding_alias)
    if body.idp_binding_id is None and body.idp_binding_alias is None:
        raise Problem(400, "invalid_body", "set domain_id, and a binding if the Domain has several")
    if not call.plane.settings.platform_device_login:
        raise Problem(400, "invalid_body", "device login without a Domain is not enabled; set domain_id")
    # Only platform bindings need no Domain, and they are not implemented (501 on /v1/admin/platform-idp).
    if body.idp_binding_id and await sign_ins.binding(call.plane.database, body.idp_binding_id):
        raise Problem(400, "invalid_body", "a Domain's binding needs its domain_id")
    raise no_binding()


async def device_token(call: Call) -> Response:
    """Answer a poll. Every error of the flow is a 400 with the code of RFC 8628 (contract)."""
    body = await call.body(DeviceTokenRequest)
    async with call.transaction() as tx:
        session = await device_sessions.lock_by_device_code(tx.connection, body.device_code)
        outcome = session.poll(client_id=body.client_id) if session else "invalid_grant"
        # Raise a refusal after the transaction, so that its changes are committed.
        token = await _answer_poll(call, tx, session, outcome) if session else None
    if token is None:
        raise Problem(400, outcome, _POLL_PROBLEMS[outcome])
    answer = {
        "access_token": token.plaintext,
        "token_type": "Bearer",
        "expires_in": int(token.lifetime.total_seconds()),
    }
    return call.json(answer, headers=_NO_STORE)


async def _answer_poll(call: Call, tx: Unit, session: DeviceSession, outcome: PollOutcome) -> NewToken | None:
    if outcome == "granted":
        return await _grant(call, tx, session)
    if outcome in ("authorization_pending", "slow_down"):
        longer_by = device.INTERVAL if outcome == "slow_down" else 0
        await device_sessions.record_poll(tx.connection, session.id, longer_by=longer_by)
    return None


async def _grant(call: Call, tx: Unit, session: DeviceSession) -> NewToken:
    """Exchange the device code for an API token of the user who approved it."""
    token_id, user_id = uuid7(), cast(UUID, session.approved_by)
    env_prefix = env_prefix_of(call.plane.settings.env)
    token = NewToken(
        id=token_id,
        user_id=user_id,
        env_prefix=env_prefix,
        plaintext=new_plaintext(env_prefix, token_id),
        lifetime=device.TOKEN_LIFETIME,
        acr=session.approved_acr,
        amr=session.approved_amr,
    )
    await device_sessions.spend(tx.connection, session.id)
    await api_tokens.insert(tx.connection, token)
    await tx.event("APITokenIssued", "api_token", token_id, domain_id=session.domain_id, user_id=user_id)
    record = call.record("granted", "auth.device_token.issue", f"user:{user_id}", session.domain_id)
    await audit.append(tx.connection, [record])
    return token


# ---- approval by the user ---------------------------------------------------------------


async def approve(call: Call) -> Response:
    principal = await interactive(call)
    body = await call.body(ApproveRequest)
    user_code = device.parse_user_code(body.user_code)
    if user_code is None:
        raise malformed()
    await approve_device(call, user_code, principal)
    return call.json({"status": "approved"})


OPERATIONS: Final = (
    Operation(method="POST", path="/v1/auth/device-code", handler=device_code, surface="auth", access="public"),
    Operation(method="POST", path="/v1/auth/device-token", handler=device_token, surface="auth", access="public"),
    Operation(method="POST", path="/v1/auth/device/approve", handler=approve, surface="auth", access="public"),
    Operation(method="GET", path=DEVICE_PAGE, handler=show_page, surface="auth", access="public"),
    Operation(method="POST", path=DEVICE_PAGE, handler=submit_page, surface="auth", access="public", media_type=FORM),
)
