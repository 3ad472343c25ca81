"""Start a sign-in. Shared by the API and the device page."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from uuid import UUID

from plexsphere_reference.http.context import Call
from plexsphere_reference.http.cookies import browser_secret, new_browser_secret, sign_in_cookie
from plexsphere_reference.http.problems import Problem
from plexsphere_reference.idp_client import IdpFailed
from plexsphere_reference.log import log
from plexsphere_reference.oidc import AuthorizationRequest
from plexsphere_reference.rules.sign_in import Binding, NoBinding, Unresolved, choose, code_challenge
from plexsphere_reference.store import audit, sign_ins


@dataclass(frozen=True, kw_only=True)
class Started:
    """The values that the browser needs to continue.

    Attributes:
        state: Also identifies the PKCE verifier, which stays on the server.
        cookie: The ``Set-Cookie`` value by which the callback identifies the browser.
    """

    authorization_url: str
    state: str
    nonce: str
    cookie: str = field(repr=False)


async def start(call: Call, binding: Binding, *, return_to: str, prompt: str | None = None) -> Started:
    """Start a sign-in through ``binding``.

    Raises:
        Problem: 502 ``idp_discovery_failed``.
    """
    # Sign-ins in two tabs of one browser share the secret, so that both can complete.
    browser = browser_secret(call) or new_browser_secret()
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    request = AuthorizationRequest(
        redirect_uri=redirect_uri(call),
        state=state,
        nonce=nonce,
        code_challenge=code_challenge(verifier),
        prompt=prompt,
    )
    try:
        url = await call.plane.relying_party.authorization_url(binding, request)
    except IdpFailed as error:
        raise idp_problem(call, binding, error) from error
    begun = sign_ins.SignIn(
        state=state, binding_id=binding.id, nonce=nonce, code_verifier=verifier, return_to=return_to
    )
    async with call.transaction() as tx:
        await sign_ins.insert(tx.connection, begun, browser=browser)
        record = call.record("granted", "auth.sign_in.start", f"idp_binding:{binding.id}", binding.domain_id)
        await audit.append(tx.connection, [record])
    return Started(authorization_url=url, state=state, nonce=nonce, cookie=sign_in_cookie(call, browser))


async def resolve(call: Call, domain_id: UUID, *, binding_id: UUID | None, alias: str | None = None) -> Binding:
    """Return the binding for a sign-in to a Domain.

    Raises:
        Problem: 404 ``binding_not_found``; 400 if several match or the binding belongs to another Domain.
    """
    try:
        return choose(await sign_ins.bindings_of(call.plane.database, domain_id), binding_id=binding_id, alias=alias)
    except NoBinding as error:
        if binding_id is not None and await sign_ins.binding(call.plane.database, binding_id):
            raise Problem(400, "invalid_body", "the binding is not one of this Domain") from error
        raise no_binding() from error
    except Unresolved as error:
        raise Problem(400, "invalid_body", str(error)) from error


def idp_problem(call: Call, binding: Binding, error: IdpFailed) -> Problem:
    """The response for a failure of the identity provider; details go to the log only.

    A Domain's managers choose the addresses that this plane connects to, internal ones included. The response is
    therefore the same whatever such an address answered, so that it cannot be used to scan the network (SSRF).
    """
    log(
        "WARN",
        "identity provider failed",
        kind=error.kind,
        binding=binding.id,
        reason=error.detail,
        correlation_id=call.correlation_id,
    )
    if error.kind == "code_rejected":
        return Problem(400, error.kind, "the identity provider did not accept the code of this sign-in")
    return Problem(502, error.kind, "the identity provider of this IdP binding cannot be used; the log says why")


def no_binding() -> Problem:
    return Problem(404, "binding_not_found", "there is no such active IdP binding")


def public_url(call: Call) -> str:
    """Return the public origin that browsers use."""
    url = call.plane.settings.public_url
    assert url is not None, "the auth surface is not wired without it"
    return url


def redirect_uri(call: Call) -> str:
    return f"{public_url(call)}/v1/auth/callback"
