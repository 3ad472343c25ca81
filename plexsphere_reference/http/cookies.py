"""The session and CSRF cookies of the contract, and the cookie of a pending sign-in."""

from __future__ import annotations

import re
import secrets
from typing import Final

from starlette.responses import Response

from plexsphere_reference.http.authentication import CSRF_COOKIE, SESSION_COOKIE
from plexsphere_reference.http.context import Call
from plexsphere_reference.rules.sign_in import SESSION_LIFETIME, SIGN_IN_LIFETIME

_SIGN_IN_COOKIE: Final = "plexsphere_sign_in"
_MAX_AGE: Final = int(SESSION_LIFETIME.total_seconds())
_SIGN_IN_MAX_AGE: Final = int(SIGN_IN_LIFETIME.total_seconds())
_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{43}")


def start_session(call: Call, response: Response, secret: str) -> None:
    """Set the session and CSRF cookies of a new session."""
    _add(response, _session_cookie(call, secret, _MAX_AGE))
    _add(response, _csrf_cookie(call))


def end_session(call: Call, response: Response) -> None:
    """Clear the session cookie and rotate the CSRF cookie."""
    _add(response, cleared_session(call))
    _add(response, _csrf_cookie(call))


def cleared_session(call: Call) -> str:
    """Return the ``Set-Cookie`` value that deletes the session cookie."""
    return _session_cookie(call, "", 0)


def browser_secret(call: Call) -> str | None:
    """Return the secret that identifies this browser during a sign-in; None if its cookie is missing or malformed."""
    value = call.request.cookies.get(_SIGN_IN_COOKIE, "")
    return value if _SECRET.fullmatch(value) else None


def new_browser_secret() -> str:
    return secrets.token_urlsafe(32)


def sign_in_cookie(call: Call, secret: str) -> str:
    """Return the ``Set-Cookie`` value that identifies the browser in the callback.

    ``Lax``, not ``Strict``, because the identity provider redirects to the callback from another site.
    """
    attributes = f"Path=/v1/; Max-Age={_SIGN_IN_MAX_AGE}; HttpOnly; SameSite=Lax{_secure(call)}"
    return f"{_SIGN_IN_COOKIE}={secret}; {attributes}"


def _session_cookie(call: Call, secret: str, max_age: int) -> str:
    return f"{SESSION_COOKIE}={secret}; Path=/v1/; Max-Age={max_age}; HttpOnly; SameSite=Strict{_secure(call)}"


def _csrf_cookie(call: Call) -> str:
    """Create a CSRF cookie with a new value. It is not HttpOnly: scripts of the public origin read it."""
    value = secrets.token_urlsafe(32)
    return f"{CSRF_COOKIE}={value}; Path=/; Max-Age={_MAX_AGE}; SameSite=Strict{_secure(call)}"


def _secure(call: Call) -> str:
    request = call.request
    trusted = call.plane.settings.trust_proxy_headers and request.headers.get("x-forwarded-proto") == "https"
    return "; Secure" if trusted or request.url.scheme == "https" else ""


def _add(response: Response, cookie: str) -> None:
    response.headers.append("set-cookie", cookie)
