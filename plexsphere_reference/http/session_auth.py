"""Authenticate the user of a browser session; API tokens are not accepted."""

from __future__ import annotations

from plexsphere_reference.http.authentication import SESSION_COOKIE, operator
from plexsphere_reference.http.context import Call
from plexsphere_reference.http.problems import Problem
from plexsphere_reference.rules.principal import Principal


async def interactive(call: Call) -> Principal:
    """Authenticate a write by its session cookie and set the call's principal.

    Raises:
        Problem: 401 ``unauthenticated`` without a session; 403 ``permission_denied`` for an API token, because a leaked
            token must not allow what only its owner may do interactively; the 403 ``csrf_…`` codes.
    """
    principal = await operator(call.plane, call.request)
    if principal is None:
        raise unauthenticated()
    if principal.credential != "session":
        detail = "an API token cannot do this; sign in with a browser"
        raise Problem(403, "permission_denied", detail, members={"reason": "out_of_scope"})
    call.access.principal = principal
    return principal


async def signed_in(call: Call) -> Principal | None:
    """Return the user of the session cookie, for a page that changes nothing; None without a session."""
    secret = session_secret(call)
    call.access.principal = await call.plane.credentials.of_session(secret) if secret else None
    return call.principal


def session_secret(call: Call) -> str:
    return call.request.cookies.get(SESSION_COOKIE, "")


def unauthenticated() -> Problem:
    return Problem(401, "unauthenticated", "this needs the session cookie of a browser that is signed in")
