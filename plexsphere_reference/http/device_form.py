"""``/v1/device``: the page to approve or deny a device. It needs no JavaScript."""

from __future__ import annotations

import hashlib
import hmac
from typing import Final
from urllib.parse import parse_qs

from starlette.responses import Response

from plexsphere_reference.http import device_page
from plexsphere_reference.http.authentication import check_origin
from plexsphere_reference.http.context import Call
from plexsphere_reference.http.device_approval import approve, check_pending, deny, malformed, not_found
from plexsphere_reference.http.problems import Problem
from plexsphere_reference.http.session_auth import session_secret, signed_in, unauthenticated
from plexsphere_reference.http.sign_in import start
from plexsphere_reference.http.user_code_throttle import UNKNOWN_CODE, throttled
from plexsphere_reference.rules import device
from plexsphere_reference.rules.device import DeviceSession
from plexsphere_reference.store import device_sessions, sign_ins

_DECISIONS: Final = {"approve": approve, "deny": deny}
"""What the buttons of the page do."""


async def show_page(call: Call) -> Response:
    """Show the page of a user code. Without a session it redirects to the sign-in first."""
    typed = call.query("user_code")
    if not typed:
        return device_page.ask_for_code()
    user_code = device.parse_user_code(typed.strip().upper())
    if user_code is None:
        return device_page.ask_for_code(typed=typed, problem=_mistyped())
    try:
        return await _page_of(call, user_code)
    except Problem as problem:
        if problem.code in (UNKNOWN_CODE, "too_many_requests"):
            return device_page.ask_for_code(typed=typed, problem=problem)
        return device_page.refusal(problem)


async def _page_of(call: Call, user_code: str) -> Response:
    who = await signed_in(call)
    async with throttled(call, who):
        session = await device_sessions.by_user_code(call.plane.database, user_code)
        if session is None or not session.binding_active:
            raise not_found()
    if who is None and call.query("step") == "returned":
        return device_page.no_session_yet(user_code)
    if who is None or (who.domain_id != session.domain_id and call.query("sign_in") == "anew"):
        check_pending(session)
        return await _to_sign_in(call, session)
    if who.domain_id != session.domain_id:
        return device_page.other_domain(user_code, who)
    if session.decided_by == who.id:
        return device_page.denied() if session.state == "denied" else device_page.approved()
    check_pending(session)
    domain = await call.plane.domains.get(who.domain_id)
    name = domain.name if domain else str(who.domain_id)
    return device_page.confirm(user_code, who, name, csrf_token=_form_token(session_secret(call), user_code))


async def _to_sign_in(call: Call, session: DeviceSession) -> Response:
    binding = await sign_ins.binding(call.plane.database, session.binding_id)
    if binding is None:
        raise not_found()
    started = await start(call, binding, return_to=device_page.path_of(session.user_code, step="returned"))
    headers = {"Location": started.authorization_url, "Cache-Control": "no-store", "Set-Cookie": started.cookie}
    return Response(status_code=303, headers=headers)


async def submit_page(call: Call) -> Response:
    """Handle the page's form with the checks of the JSON operation; the CSRF token is in a hidden field."""
    try:
        form = parse_qs((await call.raw_body()).decode("utf-8", "replace"), max_num_fields=8)
        user_code = device.parse_user_code(form.get("user_code", [""])[0])
        if user_code is None:
            raise malformed()
        who = await signed_in(call)
        if who is None:
            raise unauthenticated()
        check_origin(call.plane, call.request)
        _check_form_token(call, form.get("csrf_token", [""])[0], user_code)
        decide = _DECISIONS.get(form.get("decision", [""])[0])
        if decide is None:
            raise Problem(400, "invalid_body", "decision must be approve or deny")
        await decide(call, user_code, who)
    except Problem as problem:
        return device_page.refusal(problem)
    except ValueError:
        return device_page.refusal(malformed())
    return Response(status_code=303, headers={"Location": device_page.path_of(user_code), "Cache-Control": "no-store"})


def _mistyped() -> Problem:
    return Problem(400, "invalid_request", "that is not a code; it has eight letters and digits")


def _form_token(secret: str, user_code: str) -> str:
    """Derive the form token, which is specific to this session and user code."""
    return hmac.new(secret.encode(), f"approve {user_code}".encode(), hashlib.sha256).hexdigest()


def _check_form_token(call: Call, token: str, user_code: str) -> None:
    expected = _form_token(session_secret(call), user_code)
    if not hmac.compare_digest(token.encode("utf-8", "replace"), expected.encode()):
        raise Problem(403, "csrf_token_mismatch", "this form was not made for your session; open the page again")
