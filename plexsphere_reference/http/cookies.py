"""The session cookie and the CSRF cookie, as the contract sets them, and the one of a sign-in under way."""

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


def browser_secret(call: Call) -> str | None:
    """What tells this browser from others while it signs in; None where it has none, or one that is not ours."""
    value = call.request.cookies.get(_SIGN_IN_COOKIE, "")
    return value if _SECRET.fullmatch(value) else None


def new_browser_secret() -> str:
    return secrets.token_urlsafe(32)


def sign_in_cookie(call: Call, secret: str) -> str:
    """The ``Set-Cookie`` value by which a browser is known again in the callback.

    ``Lax``, not ``Strict``: the identity provider, another site, sends the browser there.
    """
    attributes = f"Path=/v1/; Max-Age={_SIGN_IN_MAX_AGE}; HttpOnly; SameSite=Lax{_secure(call)}"
    return f"{_SIGN_IN_COOKIE}={secret}; {attributes}"


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
