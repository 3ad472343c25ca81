"""The ASGI application of the stand-in: its routes and its discovery document."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from pytest_plexdev.stack.embedded.dex_standin import authorization_request, token_endpoint
from pytest_plexdev.stack.embedded.dex_standin.errors import Refusal, answer_refusal
from pytest_plexdev.stack.embedded.dex_standin.introspection import Introspection
from pytest_plexdev.stack.embedded.dex_standin.sign_in import SignIn
from pytest_plexdev.stack.embedded.dex_standin.storage import Storage
from pytest_plexdev.stack.embedded.dex_standin.token_endpoint import TokenEndpoint
from pytest_plexdev.stack.embedded.dex_standin.tokens import TokenMint
from pytest_plexdev.stack.embedded.dex_standin.users import Users

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cryptography.hazmat.primitives.asymmetric import rsa
    from starlette.requests import Request

    from pytest_plexdev.stack.embedded.dex_standin.config import IdpConfig

    Endpoint = Callable[[Request], Awaitable[Response]]

# Dex routes by path only; some of its handlers check the method themselves.
_ANY_METHOD = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_KEYS_MAX_AGE = 6 * 60 * 60


def create_app(
    config: IdpConfig, key: rsa.RSAPrivateKey, clock: Callable[[], float] = time.time, *, users: Users | None = None
) -> Starlette:
    """Create the application for *config*.

    Args:
        key: Signs the tokens.
        clock: Returns Unix time in seconds.
        users: By default those of the configuration.
    """
    records = Storage(clock)
    mint = TokenMint(config, key, clock)
    sign_in = SignIn(config, users or Users(config.users), records, clock)
    tokens = TokenEndpoint(config, records, mint, clock)
    introspection = Introspection(config, records, mint)
    endpoints: dict[str, Endpoint] = {
        "/.well-known/openid-configuration": _document(discovery(config)),
        "/keys": _document(mint.public_keys(), cache_control=f"max-age={_KEYS_MAX_AGE}, must-revalidate"),
        "/auth": sign_in.authorize,
        "/auth/{connector}": sign_in.begin,
        "/auth/{connector}/login": sign_in.login,
        "/approval": sign_in.approve,
        "/token": tokens.issue,
        "/token/introspect": introspection.introspect,
        "/userinfo": introspection.userinfo,
        "/healthz": _healthy,
    }
    path = urlsplit(config.issuer).path.rstrip("/")
    app = Starlette(
        routes=[Route(path + below, endpoint, methods=_ANY_METHOD) for below, endpoint in endpoints.items()],
        exception_handlers={Refusal: answer_refusal},
    )
    app.router.redirect_slashes = False
    return app


def discovery(config: IdpConfig) -> dict[str, Any]:
    """Return the discovery document: Dex's without the device grant and token exchange, which are not implemented."""
    issuer = config.issuer.rstrip("/")
    return {
        "issuer": config.issuer,
        "authorization_endpoint": f"{issuer}/auth",
        "token_endpoint": f"{issuer}/token",
        "jwks_uri": f"{issuer}/keys",
        "userinfo_endpoint": f"{issuer}/userinfo",
        "introspection_endpoint": f"{issuer}/token/introspect",
        "grant_types_supported": token_endpoint.GRANT_TYPES,
        "response_types_supported": authorization_request.RESPONSE_TYPES,
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "code_challenge_methods_supported": authorization_request.CHALLENGE_METHODS,
        "scopes_supported": authorization_request.SCOPES,
        "token_endpoint_auth_methods_supported": token_endpoint.AUTH_METHODS,
        "claims_supported": [
            "iss", "sub", "aud", "iat", "exp", "email", "email_verified",
            "locale", "name", "preferred_username", "at_hash",
        ],
    }  # fmt: skip


def _document(content: dict[str, Any], *, cache_control: str | None = None) -> Endpoint:
    body = msgspec.json.format(msgspec.json.encode(content))
    headers = {"cache-control": cache_control} if cache_control else {}

    async def answer(_request: Request) -> Response:
        return Response(body, media_type="application/json", headers=headers)

    return answer


async def _healthy(_request: Request) -> Response:
    return PlainTextResponse("Health check passed")
