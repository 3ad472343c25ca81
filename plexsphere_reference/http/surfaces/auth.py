"""``/v1/auth``: sign in through an identity provider, return the current user, sign out."""

from __future__ import annotations

from typing import Annotated, Final
from uuid import UUID

import msgspec
from starlette.responses import Response

from plexsphere_reference.http.context import Call, no_content
from plexsphere_reference.http.cookies import cleared_session, end_session
from plexsphere_reference.http.operation import Operation
from plexsphere_reference.http.pages import landing
from plexsphere_reference.http.problems import Problem
from plexsphere_reference.http.session_auth import interactive, signed_in
from plexsphere_reference.http.sign_in import no_binding, public_url, resolve, start
from plexsphere_reference.http.sign_in_callback import callback
from plexsphere_reference.http.unit_of_work import Unit
from plexsphere_reference.rules.principal import Principal
from plexsphere_reference.rules.sign_in import Binding, WrongReturn, check_return_to
from plexsphere_reference.store import audit, sessions, sign_ins

_Text = Annotated[str, msgspec.Meta(max_length=4096)]


class SignInRequest(msgspec.Struct, forbid_unknown_fields=True):
    domain_id: UUID | None = None
    idp_binding_id: UUID | None = None
    return_to: _Text = "/"
    prompt: _Text | None = None


async def sign_in(call: Call) -> Response:
    body = await call.body(SignInRequest)
    try:
        return_to = check_return_to(body.return_to, public_url=public_url(call))
    except WrongReturn as error:
        raise Problem(400, "invalid_body", str(error)) from error
    started = await start(call, await _binding(call, body), return_to=return_to, prompt=body.prompt)
    answer = {
        "authorization_url": started.authorization_url,
        "state": started.state,
        "code_verifier_handle": started.state,
        "nonce": started.nonce,
    }
    return call.json(answer, headers={"Cache-Control": "no-store", "Set-Cookie": started.cookie})


async def _binding(call: Call, body: SignInRequest) -> Binding:
    if body.domain_id is not None:
        return await resolve(call, body.domain_id, binding_id=body.idp_binding_id)
    if body.idp_binding_id is None:
        raise Problem(400, "invalid_body", "set domain_id, idp_binding_id or both")
    # Only platform bindings need no Domain, and they are not implemented (501 on /v1/admin/platform-idp).
    if await sign_ins.binding(call.plane.database, body.idp_binding_id):
        raise Problem(400, "invalid_body", "a Domain's binding needs its domain_id")
    raise no_binding()


async def idp_bindings(call: Call) -> Response:
    scope, domain_id = call.query("scope"), None
    if scope not in (None, "platform"):
        raise Problem(400, "invalid_scope", "scope takes platform")
    if scope is None:
        domain_id = call.query_id("domain_id", code="invalid_domain_id")
    found = await sign_ins.bindings_of(call.plane.database, domain_id) if domain_id else []
    return call.json([_display(each) for each in found], headers={"Cache-Control": "no-store"})


def _display(binding: Binding) -> dict[str, object]:
    shown: dict[str, object] = {
        "id": binding.id,
        "label": binding.alias or binding.issuer_host,
        "issuer_host": binding.issuer_host,
        "primary": binding.primary,
        "platform_scoped": False,
    }
    if binding.alias is not None:
        shown["alias"] = binding.alias
    return shown


async def whoami(call: Call) -> Response:
    caller = call.caller
    answer: dict[str, object] = {
        "principal_type": "user",
        "principal_scope": "domain",
        "subject": caller.id,
        "domain_id": caller.domain_id,
    }
    if caller.email:
        answer["email"] = caller.email
    if caller.acr:
        answer["acr"] = caller.acr
    if caller.amr:
        answer["amr"] = caller.amr
    return call.json(answer, headers={"Cache-Control": "no-store"})


async def sign_out(call: Call) -> Response:
    """End the cookie's session. Answers 204 also without a session, so that nothing is disclosed."""
    principal = await signed_in(call)
    if principal is not None:
        async with call.transaction() as tx:
            if await sessions.revoke(tx.connection, principal.credential_id):
                await _announce_sign_out(tx, principal, sessions_revoked=1)
            record = call.record("granted", "auth.sign_out", f"user:{principal.id}", principal.domain_id)
            await audit.append(tx.connection, [record])
    response = no_content()
    end_session(call, response)
    return response


async def _announce_sign_out(tx: Unit, principal: Principal, *, sessions_revoked: int) -> None:
    await tx.event(
        "UserSignedOut",
        "user",
        principal.id,
        domain_id=principal.domain_id,
        cookie_cleared=True,
        sessions_revoked=sessions_revoked,
        reason="user-initiated",
    )


async def sign_out_everywhere(call: Call) -> Response:
    """End all sessions of the user. Error responses also delete the cookie, so that stale tabs drop it."""
    try:
        await _end_all_sessions(call)
    except Problem as problem:
        problem.headers["Set-Cookie"] = cleared_session(call)
        raise
    response = no_content()
    end_session(call, response)
    return response


async def _end_all_sessions(call: Call) -> None:
    principal = await interactive(call)
    async with call.transaction() as tx:
        revoked = await sessions.revoke_all(tx.connection, principal.id)
        await _announce_sign_out(tx, principal, sessions_revoked=revoked)
        record = call.record("granted", "auth.sign_out.global", f"user:{principal.id}", principal.domain_id)
        await audit.append(tx.connection, [record])


async def home(call: Call) -> Response:
    """Show the default landing page after a sign-in, successful or not."""
    kind = call.query("auth_error_kind")
    return landing(kind, call.query("auth_error_detail"))


OPERATIONS: Final = (
    Operation(method="GET", path="/", handler=home, surface="auth", access="public"),
    Operation(method="GET", path="/v1/auth/whoami", handler=whoami, surface="auth"),
    Operation(method="DELETE", path="/v1/auth/whoami", handler=sign_out, surface="auth", access="public"),
    Operation(method="POST", path="/v1/auth/sign-in", handler=sign_in, surface="auth", access="public"),
    Operation(method="GET", path="/v1/auth/callback", handler=callback, surface="auth", access="public"),
    Operation(method="GET", path="/v1/auth/idp-bindings", handler=idp_bindings, surface="auth", access="public"),
    Operation(
        method="POST", path="/v1/auth/sign-out/global", handler=sign_out_everywhere, surface="auth", access="public"
    ),
)
