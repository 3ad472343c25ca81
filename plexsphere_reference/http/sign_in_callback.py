"""``GET /v1/auth/callback``: complete a sign-in or report its failure."""

from __future__ import annotations

import secrets
from typing import Final
from urllib.parse import quote, urlencode

from starlette.responses import Response

from plexsphere_reference.client_secrets import SecretWithheld
from plexsphere_reference.http import invitation_acceptance
from plexsphere_reference.http.context import Call
from plexsphere_reference.http.cookies import browser_secret, start_session
from plexsphere_reference.http.problems import Problem
from plexsphere_reference.http.sign_in import idp_problem, redirect_uri
from plexsphere_reference.idp_client import IdpFailed
from plexsphere_reference.ids import uuid7
from plexsphere_reference.log import log
from plexsphere_reference.oidc import CodeExchange
from plexsphere_reference.openbao import OpenBaoUnavailable
from plexsphere_reference.rules.audit import Reason
from plexsphere_reference.rules.id_token import IdTokenRefused, Person, person
from plexsphere_reference.rules.principal import Principal
from plexsphere_reference.rules.sign_in import Binding
from plexsphere_reference.store import audit, invitations, sessions, sign_ins, users
from plexsphere_reference.store.sign_ins import SignIn

_ACTION: Final = "auth.sign_in.complete"
_OURS_TO_REFUSE: Final = frozenset(("nonce_mismatch", "assurance_insufficient"))
"""Refusals of an ID token that are 400; the others are the identity provider's failure, 502 (contract)."""
_AUDITED_AS: Final[dict[str, Reason]] = {
    "assurance_insufficient": "caveat_violation",
    "jit_provisioning_denied": "insufficient_relation",
}
_LONGEST_DETAIL: Final = 500


async def callback(call: Call) -> Response:
    """Sign the browser in and redirect it. A failure is reported in the format that ``Accept`` requests."""
    try:
        return await _complete(call)
    except Problem as problem:
        if _wants_json(call.request.headers.get("accept", "")):
            raise
        call.access.refused(problem)
        return _told_to_browser(problem)


async def _complete(call: Call) -> Response:
    sign_in = await _sign_in_under_way(call)
    binding = await sign_ins.binding(call.plane.database, sign_in.binding_id)
    if binding is None:
        raise Problem(400, "binding_not_found", "the IdP binding of this sign-in is not active any more")
    try:
        who = await _redeemed(call, binding, sign_in)
        secret = await _open_session(call, binding, who)
    except Problem as problem:
        reason = _AUDITED_AS.get(problem.code, "unknown")
        await call.plane.audit.append(call.record(reason, _ACTION, f"idp_binding:{binding.id}", binding.domain_id))
        raise
    response = Response(status_code=303, headers={"Location": sign_in.return_to, "Cache-Control": "no-store"})
    start_session(call, response, secret)
    return response


async def _sign_in_under_way(call: Call) -> SignIn:
    state, code = call.query("state"), call.query("code")
    if not state or not (code or call.query("error")):
        raise Problem(400, "invalid_request", "the callback needs code and state")
    browser = browser_secret(call)
    # A sign-in that another browser started is neither disclosed nor consumed.
    sign_in = await sign_ins.consume(call.plane.database, state, browser=browser) if browser else None
    if sign_in is None:
        detail = "no such sign-in is under way in this browser; it was completed, or took over 10 minutes"
        raise Problem(400, "state_unknown", detail)
    return sign_in


async def _redeemed(call: Call, binding: Binding, sign_in: SignIn) -> Person:
    """Redeem the code and return the authenticated person, if the binding's policy accepts them."""
    code = call.query("code")
    if not code:
        reason = f"{call.query('error')} {call.query('error_description') or ''}".strip()
        raise Problem(400, "idp_denied", f"the identity provider says {reason[:200]!r}")
    exchange = CodeExchange(
        code=code,
        code_verifier=sign_in.code_verifier,
        client_secret=await _client_secret(call, binding),
        redirect_uri=redirect_uri(call),
        nonce=sign_in.nonce,
    )
    try:
        claims = await call.plane.relying_party.redeem(binding, exchange)
        return person(
            claims, binding.claim_mappings, required_acr=binding.required_acr, required_amr=binding.required_amr
        )
    except IdpFailed as error:
        raise idp_problem(call, binding, error) from error
    except IdTokenRefused as error:
        raise Problem(400 if error.kind in _OURS_TO_REFUSE else 502, error.kind, error.detail) from error


async def _client_secret(call: Call, binding: Binding) -> str:
    """Resolve the binding's client secret. Checked again because the settings may have changed since it was created."""
    try:
        return await call.plane.client_secrets.resolve(binding)
    except SecretWithheld as error:
        _log_secret(call, binding, "client secret withheld", error)
        detail = "the IdP binding's client_secret_ref names no secret that it may use; the log says why"
        raise Problem(502, "idp_secret_unavailable", detail) from error
    except OpenBaoUnavailable as error:
        _log_secret(call, binding, "OpenBao unavailable", error)
        detail = "OpenBao, which has the client secret of this IdP binding, cannot be read; sign in again later"
        raise Problem(502, "openbao_unavailable", detail) from error


def _log_secret(call: Call, binding: Binding, message: str, error: Exception) -> None:
    log(
        "WARN",
        message,
        binding=binding.id,
        reference=binding.client_secret_ref,
        discovery_url=binding.discovery_url,
        reason=error,
        correlation_id=call.correlation_id,
    )


async def _open_session(call: Call, binding: Binding, who: Person) -> str:
    """Adopt or provision the user, accept their invitations and open their session; return its secret."""
    secret, session_id = secrets.token_urlsafe(32), uuid7()
    async with call.transaction() as tx:
        # Locked before the user is looked up: of two first sign-ins at once, the later then finds the user.
        invited = await invitations.lock_pending(tx.connection, binding.domain_id, who)
        user = await users.adopt(tx.connection, binding.domain_id, who)
        if user is None and (binding.jit_policy == "allow" or invited):
            user = await users.provision(tx.connection, uuid7(), binding.domain_id, who)
        if user is None:
            raise Problem(
                400, "jit_provisioning_denied", "not a user of this Domain, not invited, and jit_policy creates none"
            )
        await sessions.open_session(tx.connection, session_id, user.user_id, secret, who)
        call.access.principal = Principal(
            kind="user",
            id=user.user_id,
            domain_id=binding.domain_id,
            external_subject=who.external_subject,
            email=user.email,
            credential="session",
            credential_id=session_id,
            acr=who.acr,
            amr=who.amr,
        )
        await tx.event(
            "UserSignedIn",
            "user",
            user.user_id,
            domain_id=binding.domain_id,
            idp_binding_id=binding.id,
            provisioned=user.provisioned,
        )
        accepted = await invitation_acceptance.accept(call, tx, invited, user_id=user.user_id)
        record = call.record("granted", _ACTION, f"user:{user.user_id}", binding.domain_id)
        await audit.append(tx.connection, [record, *accepted])
    return secret


def _wants_json(accept: str) -> bool:
    """Return whether to answer with JSON: browsers name HTML in ``Accept``, other clients usually do not."""
    kinds = {part.partition(";")[0].strip().lower() for part in accept.split(",")}
    return "text/html" not in kinds and bool(kinds & {"application/json", "application/problem+json"})


def _told_to_browser(problem: Problem) -> Response:
    query = {
        "auth_error_kind": problem.code,
        "auth_error_status": problem.status,
        "auth_error_detail": problem.detail[:_LONGEST_DETAIL],
    }
    location = f"/?{urlencode(query, quote_via=quote)}"
    return Response(status_code=303, headers={"Location": location, "Cache-Control": "no-store"})
