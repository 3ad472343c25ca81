"""The token endpoint: exchange a code or a refresh token for new tokens."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import TYPE_CHECKING, Final

from starlette.responses import JSONResponse, Response

from pytest_plexdev.stack.embedded.dex_standin.authorization_request import quoted
from pytest_plexdev.stack.embedded.dex_standin.errors import TokenRefusal
from pytest_plexdev.stack.embedded.dex_standin.forms import FormError, body_values, unescape
from pytest_plexdev.stack.embedded.dex_standin.storage import Grant, RefreshToken
from pytest_plexdev.stack.embedded.dex_standin.tokens import refresh_token_value, unpack

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from pytest_plexdev.stack.embedded.dex_standin.config import IdpClient, IdpConfig
    from pytest_plexdev.stack.embedded.dex_standin.forms import Values
    from pytest_plexdev.stack.embedded.dex_standin.storage import AuthCode, Storage
    from pytest_plexdev.stack.embedded.dex_standin.tokens import TokenMint

GRANT_TYPES: Final = ("authorization_code", "refresh_token")
AUTH_METHODS: Final = ("client_secret_basic", "client_secret_post")

NO_STORE: Final = {"cache-control": "no-store", "pragma": "no-cache"}


class TokenEndpoint:
    """``token`` below the issuer's path."""

    def __init__(self, config: IdpConfig, records: Storage, mint: TokenMint, clock: Callable[[], float]) -> None:
        self._clients = {client.id: client for client in config.clients}
        self._records = records
        self._mint = mint
        self._clock = clock

    async def issue(self, request: Request) -> Response:
        if request.method != "POST":
            raise TokenRefusal("invalid_request", "method not allowed")
        try:
            values = await body_values(request)
        except FormError:
            raise TokenRefusal("invalid_request") from None
        grant_type = values.get("grant_type", "")
        if grant_type not in GRANT_TYPES:
            raise TokenRefusal("unsupported_grant_type")
        client = self._authenticate(request, values)
        if grant_type == "authorization_code":
            return self._exchange_code(values, client)
        return self._refresh(values, client)

    def _authenticate(self, request: Request, values: Values) -> IdpClient:
        client_id, secret = _basic_credentials(request) or (
            values.get("client_id", ""),
            values.get("client_secret", ""),
        )
        client = self._clients.get(client_id)
        if client is None or not hmac.compare_digest(client.secret.encode(), secret.encode()):
            raise TokenRefusal("invalid_client", "Invalid client credentials.", status=401)
        return client

    def _exchange_code(self, values: Values, client: IdpClient) -> Response:
        code = self._usable_code(values.get("code", ""), client)
        _check_verifier(code, values.get("code_verifier", ""))
        if values.get("redirect_uri", "") != code.redirect_uri:
            raise TokenRefusal("invalid_request", "redirect_uri did not match URI from initial request.")
        self._records.codes.pop(code.id)
        refresh_token = self._new_refresh_token(code.grant) if "offline_access" in code.grant.scopes else ""
        return JSONResponse(self._mint.answer(code.grant, code=code.id, refresh_token=refresh_token), headers=NO_STORE)

    def _usable_code(self, code_id: str, client: IdpClient) -> AuthCode:
        if not code_id:
            raise TokenRefusal("invalid_request", "Required param: code.")
        code = self._records.codes.get(code_id)
        if code is None:
            raise TokenRefusal("invalid_grant", "Invalid or expired code parameter.")
        if self._clock() > code.expires_at or code.grant.client_id != client.id:
            # Dex 2.41 intends the error above, but by mistake branches on the lookup's error, which is nil here.
            raise TokenRefusal("server_error", status=500)
        return code

    def _new_refresh_token(self, grant: Grant) -> str:
        token = RefreshToken(grant=grant, created_at=self._clock())
        self._records.refresh_tokens.put(token)
        return refresh_token_value(token)

    def _refresh(self, values: Values, client: IdpClient) -> Response:
        token = self._usable_refresh_token(values.get("refresh_token", ""), client)
        grant = _narrowed(token.grant, values.get("scope", ""))
        renewed = token.rotated()
        self._records.refresh_tokens.put(renewed)
        return JSONResponse(self._mint.answer(grant, refresh_token=refresh_token_value(renewed)), headers=NO_STORE)

    def _usable_refresh_token(self, value: str, client: IdpClient) -> RefreshToken:
        if not value:
            raise TokenRefusal("invalid_request", "No refresh token is found in request.")
        invalid = "Refresh token is invalid or has already been claimed by another client."
        token_id, secret = refresh_token_parts(value)
        token = self._records.refresh_tokens.get(token_id)
        if token is None:
            raise TokenRefusal("invalid_request", invalid)
        if token.grant.client_id != client.id:
            raise TokenRefusal("invalid_grant", invalid)
        if not hmac.compare_digest(token.secret.encode(), secret.encode()):
            raise TokenRefusal("invalid_request", invalid)
        return token


def refresh_token_parts(value: str) -> tuple[str, str]:
    """Split a refresh token into id and secret. A malformed one is treated as an id without a secret."""
    try:
        token_id, secret = unpack(value)
    except ValueError:
        return value, ""
    return token_id, secret


def _basic_credentials(request: Request) -> tuple[str, str] | None:
    """Client id and secret of the Authorization header, in which both are form-encoded (RFC 6749 §2.3.1)."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        client_id, colon, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    if not colon:
        return None
    return _unescaped("client_id", client_id), _unescaped("client_secret", secret)


def _unescaped(name: str, value: str) -> str:
    try:
        return unescape(value)
    except FormError:
        raise TokenRefusal("invalid_request", f"{name} improperly encoded") from None


def _check_verifier(code: AuthCode, verifier: str) -> None:
    if not verifier and not code.code_challenge:
        return
    if not code.code_challenge:
        raise TokenRefusal("invalid_request", "No PKCE flow started. Cannot check code_verifier.")
    if not verifier:
        raise TokenRefusal("invalid_grant", "Expecting parameter code_verifier in PKCE flow.")
    if _challenge(verifier, code.challenge_method) != code.code_challenge:
        raise TokenRefusal("invalid_grant", "Invalid code_verifier.")


def _challenge(verifier: str, method: str) -> str:
    if method == "plain":
        return verifier
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _narrowed(grant: Grant, scope: str) -> Grant:
    requested = tuple(scope.split())
    unauthorized = [name for name in requested if name not in grant.scopes]
    if unauthorized:
        raise TokenRefusal(
            "invalid_request", f"Requested scopes contain unauthorized scope(s): {quoted(*unauthorized)}."
        )
    if not requested:
        return grant
    return Grant(client_id=grant.client_id, user=grant.user, scopes=requested, nonce=grant.nonce)
