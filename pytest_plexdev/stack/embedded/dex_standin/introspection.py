"""The endpoints that read tokens: userinfo, which needs a valid one, and introspection, which validates one."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import JSONResponse, Response

from pytest_plexdev.stack.embedded.dex_standin.errors import TokenRefusal
from pytest_plexdev.stack.embedded.dex_standin.forms import FormError, body_values
from pytest_plexdev.stack.embedded.dex_standin.token_endpoint import NO_STORE, refresh_token_parts
from pytest_plexdev.stack.embedded.dex_standin.tokens import Claims, InvalidTokenError, parse, subject

if TYPE_CHECKING:
    from starlette.requests import Request

    from pytest_plexdev.stack.embedded.dex_standin.config import IdpConfig
    from pytest_plexdev.stack.embedded.dex_standin.storage import RefreshToken, Storage
    from pytest_plexdev.stack.embedded.dex_standin.tokens import TokenMint

_INACTIVE: Final = {"active": False}
_PERSONAL: Final[tuple[str, ...]] = ("email", "email_verified", "name", "federated_claims")
_BEARER = "Bearer "


class Introspection:
    """``userinfo`` and ``token/introspect`` below the issuer's path."""

    def __init__(self, config: IdpConfig, records: Storage, mint: TokenMint) -> None:
        self._issuer = config.issuer
        self._records = records
        self._mint = mint

    async def userinfo(self, request: Request) -> Response:
        authorization = request.headers.get("authorization", "")
        if authorization[: len(_BEARER)].lower() != _BEARER.lower():
            raise TokenRefusal(
                "access_denied", "Invalid bearer token.", status=401, headers={"www-authenticate": "Bearer"}
            )
        try:
            claims = self._mint.verify(authorization[len(_BEARER) :])
        except InvalidTokenError as problem:
            raise TokenRefusal("access_denied", str(problem), status=403) from None
        return JSONResponse(claims)

    async def introspect(self, request: Request) -> Response:
        token = await _requested_token(request)
        try:
            parse(token)
        except InvalidTokenError:
            found = self._introspect_refresh_token(token)
        else:
            found = self._introspect_access_token(token)
        return JSONResponse(found, headers=None if found["active"] else NO_STORE)

    def _introspect_access_token(self, token: str) -> Claims:
        try:
            claims = self._mint.verify(token)
        except InvalidTokenError:
            return dict(_INACTIVE)
        personal = {name: claims[name] for name in _PERSONAL if name in claims}
        return self._active("access_token", claims["aud"], claims["sub"], claims["iat"], claims["exp"], personal)

    def _introspect_refresh_token(self, value: str) -> Claims:
        token = self._find_refresh_token(value)
        if token is None:
            return dict(_INACTIVE)
        user = token.grant.user
        created_at = int(token.created_at)
        personal = {"email": user.email, "email_verified": True, "name": user.username}
        return self._active(
            "refresh_token", token.grant.client_id, subject(user.user_id), created_at, created_at, personal
        )

    def _find_refresh_token(self, value: str) -> RefreshToken | None:
        token_id, secret = refresh_token_parts(value)
        token = self._records.refresh_tokens.get(token_id)
        if token is None or not hmac.compare_digest(token.secret.encode(), secret.encode()):
            return None
        return token

    def _active(
        self, use: str, client_id: str, sub: str, issued_at: int, expiry: int, personal: dict[str, Any]
    ) -> Claims:
        return {
            "active": True,
            "client_id": client_id,
            "sub": sub,
            "exp": expiry,
            "iat": issued_at,
            "nbf": issued_at,
            "aud": client_id,
            "iss": self._issuer,
            "token_type": "Bearer",
            "token_use": use,
            "ext": personal,
        }


async def _requested_token(request: Request) -> str:
    if request.method != "POST":
        raise TokenRefusal("invalid_request", f'HTTP method is "{request.method}", expected "POST".')
    try:
        values = await body_values(request)
    except FormError:
        raise TokenRefusal(
            "invalid_request",
            "Unable to parse HTTP body, make sure to send a properly formatted form request body.",
        ) from None
    if not values:
        raise TokenRefusal("invalid_request", "The POST body can not be empty.")
    if "token" not in values:
        raise TokenRefusal("invalid_request", "The POST body doesn't contain 'token' parameter.")
    return values["token"]
