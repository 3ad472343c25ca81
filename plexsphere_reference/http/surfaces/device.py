"""The device-code flow (RFC 8628): its API, and the page at which a person approves a device."""

from __future__ import annotations

import hashlib
import hmac
from typing import Annotated, Final, cast
from urllib.parse import parse_qs
from uuid import UUID

import msgspec
from starlette.responses import Response

from plexsphere_reference.domain import device
from plexsphere_reference.domain.api_tokens import env_prefix_of, new_plaintext
from plexsphere_reference.domain.device import DeviceSession, PollOutcome
from plexsphere_reference.domain.principal import Principal
from plexsphere_reference.domain.sign_in import DEVICE_PAGE, Binding
from plexsphere_reference.http import device_page
from plexsphere_reference.http.authentication import check_origin
from plexsphere_reference.http.call import Call, Unit
from plexsphere_reference.http.interactive import interactive, session_secret, signed_in, unauthenticated
from plexsphere_reference.http.operation import Operation
from plexsphere_reference.http.problems import Problem
from plexsphere_reference.http.sign_in import no_binding, public_url, resolve, start
from plexsphere_reference.ids import uuid7
from plexsphere_reference.store import api_tokens, audit, device_sessions, sign_ins
from plexsphere_reference.store.api_tokens import NewToken
from plexsphere_reference.store.device_sessions import NewDevice

_Text = Annotated[str, msgspec.Meta(max_length=4096)]
_NO_STORE: Final = {"Cache-Control": "no-store"}
_POLL_PROBLEMS: Final[dict[PollOutcome, str]] = {
    "authorization_pending": "nobody has approved this device yet",
    "slow_down": "this device polls too often; wait 5 s longer between polls from now on",
    "expired_token": "nobody approved this device in time; start again",
    "invalid_grant": "this device code is unknown, used, or another client's",
    "access_denied": "the device's IdP binding is not active any more",
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


# ---- what the device asks ---------------------------------------------------------------


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
            raise Problem(503, "datastore_unavailable", "no free user code was found; ask again")
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
        raise Problem(400, "invalid_body", "give idp_binding_id or idp_binding_alias, not both")
    if body.domain_id is not None:
        return await resolve(call, body.domain_id, binding_id=body.idp_binding_id, alias=body.idp_binding_alias)
    if body.idp_binding_id is None and body.idp_binding_alias is None:
        raise Problem(400, "invalid_body", "give domain_id, and a binding where the Domain has several")
    if not call.plane.settings.platform_device_login:
        raise Problem(400, "invalid_body", "device login without a Domain is not opted in to; give domain_id")
    # Only a platform binding goes without a Domain, and this plane has none (501 on /v1/admin/platform-idp).
    if body.idp_binding_id and await sign_ins.binding(call.plane.database, body.idp_binding_id):
        raise Problem(400, "invalid_body", "a Domain's binding needs its domain_id")
    raise no_binding()


async def device_token(call: Call) -> Response:
    """A poll. Every error of the flow is a 400 whose code is RFC 8628's (contract)."""
    body = await call.body(DeviceTokenRequest)
    async with call.transaction() as tx:
        session = await device_sessions.lock_by_device_code(tx.connection, body.device_code)
        outcome = session.poll(client_id=body.client_id) if session else "invalid_grant"
        # A refusal is raised after the transaction: what it changed must last.
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
        await device_sessions.polled(tx.connection, session.id, longer_by=longer_by)
    return None


async def _grant(call: Call, tx: Unit, session: DeviceSession) -> NewToken:
    """Spend the device code on an API token of who approved it."""
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


# ---- what the person does ---------------------------------------------------------------


async def approve(call: Call) -> Response:
    principal = await interactive(call)
    body = await call.body(ApproveRequest)
    user_code = device.parse_user_code(body.user_code)
    if user_code is None:
        raise _malformed()
    await _approve(call, user_code, principal)
    return call.json({"status": "approved"})


async def show_page(call: Call) -> Response:
    """The page of a user code: it leads through the sign-in where nobody is signed in, then asks for approval."""
    typed = call.query("user_code")
    if not typed:
        return device_page.ask_for_code()
    user_code = device.parse_user_code(typed.strip().upper())
    if user_code is None:
        return device_page.ask_for_code(problem="That is not a code: it has eight letters and digits, as ABCD-EFGH.")
    try:
        return await _page_of(call, user_code)
    except Problem as problem:
        return device_page.refusal(problem)


async def _page_of(call: Call, user_code: str) -> Response:
    session = await device_sessions.by_user_code(call.plane.database, user_code)
    if session is None or not session.binding_active:
        raise _not_found()
    who = await signed_in(call)
    if who is None and call.query("step") == "returned":
        return device_page.no_session_yet(user_code)
    if who is None or (who.domain_id != session.domain_id and call.query("sign_in") == "anew"):
        _check_pending(session)
        return await _to_sign_in(call, session)
    if who.domain_id != session.domain_id:
        return device_page.other_domain(user_code, who)
    if session.approved_by == who.id:
        return device_page.approved()
    _check_pending(session)
    domain = await call.plane.domains.get(who.domain_id)
    name = domain.name if domain else str(who.domain_id)
    return device_page.confirm(user_code, who, name, csrf_token=_form_token(session_secret(call), user_code))


async def _to_sign_in(call: Call, session: DeviceSession) -> Response:
    binding = await sign_ins.binding(call.plane.database, session.binding_id)
    if binding is None:
        raise _not_found()
    started = await start(call, binding, return_to=device_page.path_of(session.user_code, step="returned"))
    return Response(status_code=303, headers={"Location": started.authorization_url, **_NO_STORE})


async def submit_page(call: Call) -> Response:
    """The page's form: the same checks as the JSON operation, its token in a hidden field."""
    try:
        form = parse_qs((await call.raw_body()).decode("utf-8", "replace"), max_num_fields=8)
        user_code = device.parse_user_code(form.get("user_code", [""])[0])
        if user_code is None:
            raise _malformed()
        who = await signed_in(call)
        if who is None:
            raise unauthenticated()
        check_origin(call.plane, call.request)
        _check_form_token(call, form.get("csrf_token", [""])[0], user_code)
        await _approve(call, user_code, who)
    except Problem as problem:
        return device_page.refusal(problem)
    except ValueError:
        return device_page.refusal(_malformed())
    return Response(status_code=303, headers={"Location": device_page.path_of(user_code), **_NO_STORE})


async def _approve(call: Call, user_code: str, who: Principal) -> None:
    async with call.transaction() as tx:
        session = await device_sessions.lock_by_user_code(tx.connection, user_code)
        # A device of another Domain is none that this user could know of.
        if session is None or session.domain_id != who.domain_id or not session.binding_active:
            raise _not_found()
        _check_pending(session)
        await device_sessions.approve(tx.connection, session.id, who)
        await tx.event(
            "DeviceAuthorizationApproved", "device_session", session.id, domain_id=who.domain_id, user_id=who.id
        )
        record = call.record("granted", "auth.device.approve", f"device_session:{session.id}", who.domain_id)
        await audit.append(tx.connection, [record])


def _check_pending(session: DeviceSession) -> None:
    if session.state == "expired":
        raise Problem(409, "device_code_expired", "this code has expired; start again on the device")
    if session.state != "pending":
        raise Problem(409, "device_code_already_approved", "this device was approved already")


def _form_token(secret: str, user_code: str) -> str:
    """What only a page served to this session, for this code, can hold."""
    return hmac.new(secret.encode(), f"approve {user_code}".encode(), hashlib.sha256).hexdigest()


def _check_form_token(call: Call, token: str, user_code: str) -> None:
    expected = _form_token(session_secret(call), user_code)
    if not hmac.compare_digest(token.encode("utf-8", "replace"), expected.encode()):
        raise Problem(403, "csrf_token_mismatch", "this form was not made for your session; open the page again")


def _malformed() -> Problem:
    return Problem(400, "invalid_body", "user_code must be two groups of four from A-Z and 2-7, as ABCD-EFGH")


def _not_found() -> Problem:
    return Problem(404, "device_code_not_found", "no device waits with this code")


OPERATIONS: Final = (
    Operation(method="POST", path="/v1/auth/device-code", handler=device_code, surface="auth", access="public"),
    Operation(method="POST", path="/v1/auth/device-token", handler=device_token, surface="auth", access="public"),
    Operation(method="POST", path="/v1/auth/device/approve", handler=approve, surface="auth", access="public"),
    Operation(method="GET", path=DEVICE_PAGE, handler=show_page, surface="auth", access="public"),
    Operation(method="POST", path=DEVICE_PAGE, handler=submit_page, surface="auth", access="public"),
)
