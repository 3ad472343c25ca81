"""The session cookie and the CSRF cookie, as the contract sets them."""

from __future__ import annotations

import secrets
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from plexsphere_reference.domain.sign_in import SESSION_LIFETIME
from plexsphere_reference.http.authentication import CSRF_COOKIE, SESSION_COOKIE
from plexsphere_reference.http.call import Call

_SESSION_PATH: Final = "/v1/"
_MAX_AGE: Final = int(SESSION_LIFETIME.total_seconds())


def start_session(call: Call, response: Response, secret: str) -> None:
    """Set both cookies of a session that has just begun."""
    response.set_cookie(
        SESSION_COOKIE,
        secret,
        max_age=_MAX_AGE,
        path=_SESSION_PATH,
        secure=_over_tls(call),
        httponly=True,
        samesite="strict",
    )
    _rotate_csrf(call, response)


def end_session(call: Call, response: Response) -> None:
    """Clear the session cookie and rotate the CSRF cookie."""
    response.headers.append("set-cookie", cleared_session(call))
    _rotate_csrf(call, response)


def cleared_session(call: Call) -> str:
    """The ``Set-Cookie`` value that makes a browser drop its session cookie."""
    secure = "; Secure" if _over_tls(call) else ""
    return f'{SESSION_COOKIE}=""; HttpOnly; Max-Age=0; Path={_SESSION_PATH}; SameSite=Strict{secure}'


def _rotate_csrf(call: Call, response: Response) -> None:
    response.set_cookie(
        CSRF_COOKIE,
        secrets.token_urlsafe(32),
        max_age=_MAX_AGE,
        path="/",
        secure=_over_tls(call),
        httponly=False,
        samesite="strict",
    )


def _over_tls(call: Call) -> bool:
    request: Request = call.request
    if request.url.scheme == "https":
        return True
    return call.plane.settings.trust_proxy_headers and request.headers.get("x-forwarded-proto") == "https"
