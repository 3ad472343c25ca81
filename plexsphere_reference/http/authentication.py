"""Authenticate requests by bearer token, session cookie (with CSRF checks) or NSK."""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import Final
from uuid import UUID

from starlette.requests import Request

from plexsphere_reference.http.dependencies import Plane
from plexsphere_reference.http.problems import Problem
from plexsphere_reference.rules.principal import Principal

SESSION_COOKIE: Final = "plexsphere_session"
CSRF_COOKIE: Final = "plexsphere_csrf"
CSRF_HEADER: Final = "x-plexsphere-csrf"
TOKEN_PREFIX: Final = "psk_"  # noqa: S105 (the public prefix of tokens)
_NSK_PREFIX: Final = "nsk_"
_NSK_PAYLOAD_BYTES: Final = 48
_SAFE: Final = frozenset(("GET", "HEAD", "OPTIONS"))


async def authenticate(plane: Plane, request: Request, access: str) -> Principal | None:
    """Return the caller; None only for public operations.

    Raises:
        Problem: 401 ``unauthenticated`` (NSK routes: ``unauthorized``, ``nsk_invalid``, ``nsk_revoked``) or one of
            the 403 ``csrf_…`` codes.
    """
    if access == "public":
        return None
    bearer = _bearer(request)
    if access == "node" or (access == "operator_or_node" and bearer and bearer.startswith(_NSK_PREFIX)):
        return await _node(plane, bearer)
    principal = await operator(plane, request, bearer=bearer)
    if principal is None:
        raise Problem(401, "unauthenticated", "a session cookie or a bearer token is needed, and this one is not valid")
    return principal


async def operator(plane: Plane, request: Request, *, bearer: str | None = None) -> Principal | None:
    """Return the user of the bearer token or else the session cookie; a cookie's writes must pass the CSRF checks."""
    bearer = bearer or _bearer(request)
    if bearer is not None:
        return await plane.credentials.of_token(bearer) if bearer.startswith(TOKEN_PREFIX) else None
    cookie = request.cookies.get(SESSION_COOKIE)
    if not cookie:
        return None
    look_up = plane.credentials.of_token if cookie.startswith(TOKEN_PREFIX) else plane.credentials.of_session
    principal = await look_up(cookie)
    if principal is not None and request.method not in _SAFE:
        check_csrf(plane, request)
    return principal


def check_csrf(plane: Plane, request: Request) -> None:
    """Check the double-submit token and the origin of a write that a cookie authenticates (contract, CSRF)."""
    check_origin(plane, request)
    header, cookie = request.headers.get(CSRF_HEADER), request.cookies.get(CSRF_COOKIE)
    if not header or not cookie or not hmac.compare_digest(header.encode(), cookie.encode()):
        raise Problem(403, "csrf_token_mismatch", f"{CSRF_HEADER} does not equal the {CSRF_COOKIE} cookie")


def check_origin(plane: Plane, request: Request) -> None:
    """Check that the request comes from a page of an allowed origin."""
    allowed = plane.settings.csrf_allowed_origins
    if allowed is None:
        raise Problem(403, "csrf_origin_not_configured", "PLEXSPHERE_CSRF_ALLOWED_ORIGINS is not set")
    origin = request.headers.get("origin")
    if origin not in allowed and not (origin is None and request.headers.get("sec-fetch-site") == "same-origin"):
        raise Problem(403, "csrf_origin_mismatch", "this request does not come from an allowed origin")


def _bearer(request: Request) -> str | None:
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" else None


async def _node(plane: Plane, bearer: str | None) -> Principal:
    if bearer is None:
        raise Problem(401, "unauthorized", "a Node authenticates with its NSK as a bearer")
    node_id, nsk = _open_envelope(bearer)
    principal, revoked = await plane.credentials.of_node(node_id, nsk)
    if principal is None:
        raise _nsk_invalid()
    if revoked:
        raise Problem(401, "nsk_revoked", "this NSK has been revoked")
    return principal


def nsk_of(request: Request) -> bytes:
    """Return the NSK of an authenticated Node's request."""
    return _open_envelope(_bearer(request) or "")[1]


def _open_envelope(bearer: str) -> tuple[UUID, bytes]:
    """Parse ``nsk_<env>_<base64url of 16 bytes Node id and 32 bytes NSK>`` (plexd, registration); env is ignored."""
    prefix, _, rest = bearer.partition("_")
    _, separator, encoded = rest.partition("_")
    if prefix != "nsk" or not separator:
        raise _nsk_invalid()
    try:
        payload = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise _nsk_invalid() from error
    if len(payload) != _NSK_PAYLOAD_BYTES:
        raise _nsk_invalid()
    return UUID(bytes=payload[:16]), payload[16:]


def _nsk_invalid() -> Problem:
    return Problem(401, "nsk_invalid", "this NSK is not the one of any Node")
