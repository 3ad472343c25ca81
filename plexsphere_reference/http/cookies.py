"""The session cookie and the CSRF cookie, as the contract sets them."""

from __future__ import annotations

import secrets
from typing import Final

from starlette.responses import Response

from plexsphere_reference.domain.sign_in import SESSION_LIFETIME
from plexsphere_reference.http.authentication import CSRF_COOKIE, SESSION_COOKIE
from plexsphere_reference.http.call import Call

_MAX_AGE: Final = int(SESSION_LIFETIME.total_seconds())


def start_session(call: Call, response: Response, secret: str) -> None:
    """Set both cookies of a session that has just begun."""
    _add(response, _session_cookie(call, secret, _MAX_AGE))
    _add(response, _csrf_cookie(call))


def end_session(call: Call, response: Response) -> None:
    """Clear the session cookie and rotate the CSRF cookie."""
    _add(response, cleared_session(call))
    _add(response, _csrf_cookie(call))


def cleared_session(call: Call) -> str:
    """The ``Set-Cookie`` value that makes a browser drop its session cookie."""
    return _session_cookie(call, "", 0)


def _session_cookie(call: Call, secret: str, max_age: int) -> str:
    return f"{SESSION_COOKIE}={secret}; Path=/v1/; Max-Age={max_age}; HttpOnly; SameSite=Strict{_secure(call)}"


def _csrf_cookie(call: Call) -> str:
    """A new value each time. Scripts of the public origin read it, so it is not HttpOnly."""
    value = secrets.token_urlsafe(32)
    return f"{CSRF_COOKIE}={value}; Path=/; Max-Age={_MAX_AGE}; SameSite=Strict{_secure(call)}"


def _secure(call: Call) -> str:
    request = call.request
    trusted = call.plane.settings.trust_proxy_headers and request.headers.get("x-forwarded-proto") == "https"
    return "; Secure" if trusted or request.url.scheme == "https" else ""


def _add(response: Response, cookie: str) -> None:
    response.headers.append("set-cookie", cookie)
