"""The browser's part of the flow: authorization request, password, approval, code."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import logging
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import bcrypt
from starlette.responses import HTMLResponse, RedirectResponse, Response

from pytest_plexdev.stack.embedded.dex_standin import pages
from pytest_plexdev.stack.embedded.dex_standin.authorization_request import read_auth_request
from pytest_plexdev.stack.embedded.dex_standin.errors import PageRefusal
from pytest_plexdev.stack.embedded.dex_standin.forms import FormError, encode, form_values, query_values
from pytest_plexdev.stack.embedded.dex_standin.storage import CODE_LIFETIME, AuthCode, AuthRequest, Grant
from pytest_plexdev.stack.embedded.dex_standin.tokens import CONNECTOR

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from pytest_plexdev.stack.embedded.dex_standin.config import IdpConfig, IdpUser
    from pytest_plexdev.stack.embedded.dex_standin.forms import Values
    from pytest_plexdev.stack.embedded.dex_standin.storage import Storage
    from pytest_plexdev.stack.embedded.dex_standin.users import Users

_log = logging.getLogger(__name__)


class SignIn:
    """Endpoints below the issuer's path: ``auth``, ``auth/local``, ``auth/local/login``, ``approval``."""

    def __init__(self, config: IdpConfig, users: Users, records: Storage, clock: Callable[[], float]) -> None:
        self._config = config
        self._records = records
        self._clock = clock
        self._path = urlsplit(config.issuer).path.rstrip("/")
        self._users = users

    async def authorize(self, request: Request) -> Response:
        """Redirect to the only connector. :meth:`begin` checks the request itself."""
        values = await _form(request)
        if values.pop("connector_id", "") not in ("", CONNECTOR):
            raise PageRefusal(400, "Connector ID does not match a valid Connector")
        return RedirectResponse(f"{self._path}/auth/{CONNECTOR}?{encode(values)}", 302)

    async def begin(self, request: Request) -> Response:
        values = await _form(request)
        sign_in = read_auth_request(values, self._config, now=self._clock())
        if request.path_params["connector"] != CONNECTOR:
            raise PageRefusal(400, "Requested resource does not exist")
        self._records.auth_requests.put(sign_in)
        if request.method != "GET":
            raise PageRefusal(400, "Unsupported request method.")
        query = encode({"state": sign_in.id, "back": ""})
        return RedirectResponse(f"{self._path}/auth/{CONNECTOR}/login?{query}", 302)

    async def login(self, request: Request) -> Response:
        query = query_values(request)
        sign_in = self._pending_sign_in(query.get("state", ""))
        if request.path_params["connector"] != CONNECTOR:
            raise PageRefusal(500, "Requested resource does not exist.")
        match request.method:
            case "GET" | "HEAD":
                return HTMLResponse(pages.login(_address(request), back_link=query.get("back", "")))
            case "POST":
                return await self._check_password(request, sign_in)
            case _:
                raise PageRefusal(400, "Unsupported request method.")

    async def approve(self, request: Request) -> Response:
        values = await _form(request)
        claimed_mac = _decode_mac(values.get("hmac", ""))
        sign_in = self._records.auth_requests.get(values.get("req", ""))
        if sign_in is None:
            raise PageRefusal(500, "Database error.")
        if sign_in.user is None:
            raise PageRefusal(500, "Login process not yet finalized.")
        if not hmac.compare_digest(claimed_mac, _mac(sign_in)):
            raise PageRefusal(401, "Unauthorized request")
        if request.method == "POST":
            if values.get("approval") != "approve":
                raise PageRefusal(500, "Approval rejected.")
            return self._redirect_with_code(sign_in, sign_in.user)
        return HTMLResponse(pages.approval(sign_in.id, sign_in.client.display_name, sign_in.scopes))

    def _pending_sign_in(self, state: str) -> AuthRequest:
        if not state:
            raise PageRefusal(400, "User session error.")
        sign_in = self._records.auth_requests.get(state)
        if sign_in is None:
            raise PageRefusal(400, "Requested resource does not exist.")
        return sign_in

    async def _check_password(self, request: Request, sign_in: AuthRequest) -> Response:
        values = await _form(request)
        email = values.get("login", "")
        user = self._users.find(email)
        if user is None or not await asyncio.to_thread(_is_password_correct, user, values.get("password", "")):
            _log.warning("sign-in refused: wrong email address or password")
            page = pages.login(_address(request), back_link=query_values(request).get("back", ""), failed_email=email)
            return HTMLResponse(page, 401)
        if self._config.skip_approval_screen and not sign_in.force_approval:
            return self._redirect_with_code(sign_in, user)
        self._records.auth_requests.put(replace(sign_in, user=user))
        mac = base64.urlsafe_b64encode(_mac(sign_in)).rstrip(b"=").decode()
        return RedirectResponse(f"{self._path}/approval?req={sign_in.id}&hmac={mac}", 303)

    def _redirect_with_code(self, sign_in: AuthRequest, user: IdpUser) -> Response:
        if self._clock() > sign_in.expires_at:
            raise PageRefusal(400, "User session has expired.")
        if self._records.auth_requests.pop(sign_in.id) is None:
            raise PageRefusal(400, "User session error.")
        code = AuthCode(
            grant=Grant(client_id=sign_in.client.id, user=user, scopes=sign_in.scopes, nonce=sign_in.nonce),
            redirect_uri=sign_in.redirect_uri,
            code_challenge=sign_in.code_challenge,
            challenge_method=sign_in.challenge_method,
            expires_at=self._clock() + CODE_LIFETIME,
        )
        self._records.codes.put(code)
        return RedirectResponse(_with_query(sign_in.redirect_uri, code=code.id, state=sign_in.state), 303)


async def _form(request: Request) -> Values:
    try:
        return await form_values(request)
    except FormError as problem:
        raise PageRefusal(400, str(problem)) from None


def _is_password_correct(user: IdpUser, password: str) -> bool:
    # bcrypt uses 72 bytes; Go's implementation ignores the rest, Python's raises.
    return bcrypt.checkpw(password.encode()[:72], user.password_hash.encode())


def _address(request: Request) -> str:
    return f"{request.url.path}?{request.url.query}"


def _mac(sign_in: AuthRequest) -> bytes:
    """The MAC that binds the approval to the browser in which the password was entered."""
    return hmac.digest(sign_in.mac_key, sign_in.id.encode(), "sha256")


def _decode_mac(encoded: str) -> bytes:
    try:
        mac = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        mac = b""
    if not mac:
        raise PageRefusal(401, "Unauthorized request")
    return mac


def _with_query(uri: str, **members: str) -> str:
    parts = urlsplit(uri)
    query = dict(parse_qsl(parts.query, keep_blank_values=True)) | members
    return urlunsplit(parts._replace(query=urlencode(sorted(query.items()))))
