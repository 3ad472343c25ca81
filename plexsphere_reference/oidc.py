"""The OpenID Connect relying party: authorization URL, code exchange and ID token verification."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from plexsphere_reference.idp_client import Answer, IdpClient, IdpFailed
from plexsphere_reference.key_sets import claims_of
from plexsphere_reference.oidc_providers import KEEP_S, Metadata, Providers, dialled
from plexsphere_reference.rules.id_token import Expected, IdTokenRefused, check
from plexsphere_reference.rules.sign_in import Binding
from plexsphere_reference.untrusted_json import Unreadable, decode

if TYPE_CHECKING:
    pass

SCOPES: Final = "openid profile email groups"


class _TokenAnswer(msgspec.Struct):
    id_token: str


class _TokenError(msgspec.Struct):
    error: str = ""
    error_description: str = ""


@dataclass(frozen=True, kw_only=True)
class AuthorizationRequest:
    """The parameters that the browser sends to the identity provider."""

    redirect_uri: str
    state: str
    nonce: str
    code_challenge: str
    prompt: str | None = None


@dataclass(frozen=True, kw_only=True)
class CodeExchange:
    """The code from the browser, and the values that only the server knows."""

    code: str
    code_verifier: str
    client_secret: str
    redirect_uri: str
    nonce: str


class RelyingParty:
    """The client of all bindings' identity providers.

    Args:
        clock: Returns the Unix time in seconds.
    """

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._client = IdpClient()
        self._providers = Providers(self._client, clock)

    async def warm_up(self) -> None:
        """Import the libraries in a thread, so that the first sign-in does not wait for them."""
        await self._client.open()

    async def close(self) -> None:
        await self._client.close()

    async def authorization_url(self, binding: Binding, request: AuthorizationRequest) -> str:
        """Return the URL at which the browser signs in.

        Raises:
            IdpFailed: ``idp_discovery_failed``.
        """
        metadata = await self._providers.metadata(binding)
        query = {
            "client_id": binding.client_id,
            "response_type": "code",
            "redirect_uri": request.redirect_uri,
            "scope": SCOPES,
            "state": request.state,
            "nonce": request.nonce,
            "code_challenge": request.code_challenge,
            "code_challenge_method": "S256",
        }
        if request.prompt:
            query["prompt"] = request.prompt
        separator = "&" if urlsplit(metadata.authorization_endpoint).query else "?"
        return f"{metadata.authorization_endpoint}{separator}{urlencode(query, quote_via=quote)}"

    async def redeem(self, binding: Binding, exchange: CodeExchange) -> Mapping[str, Any]:
        """Exchange the code for an ID token, verify the token, and return its claims.

        Raises:
            IdpFailed: The provider does not answer, or rejects the code (``code_rejected``).
            IdTokenRefused: The token is invalid.
        """
        metadata = await self._providers.metadata(binding)
        response = await self._exchange(binding, metadata, exchange)
        try:
            id_token = decode(response.content, _TokenAnswer).id_token
        except Unreadable as error:
            raise IdpFailed("idp_exchange_failed", f"{binding.issuer} answered without an id_token: {error}") from error
        claims = await self._verified(binding, metadata, id_token)
        expected = Expected(
            issuer=binding.issuer,
            client_id=binding.client_id,
            nonce=exchange.nonce,
            now=self._clock(),
            idp_clock=_clock_of(response),
        )
        check(claims, expected)
        return claims

    async def _verified(self, binding: Binding, metadata: Metadata, id_token: str) -> Mapping[str, Any]:
        """Verify the token's signature and return its claims.

        If no cached key matches, the keys are fetched again: providers rotate them (Dex every six hours), and an
        embedded provider creates new keys at each start.
        """
        began = self._clock()
        keys = await self._providers.keys(binding, metadata, newer_than=began - KEEP_S)
        claims = claims_of(id_token, keys)
        if claims is None:
            claims = claims_of(id_token, await self._providers.keys(binding, metadata, newer_than=began))
        if claims is None:
            raise IdTokenRefused("id_token_invalid", f"the id_token is not signed by a key of {binding.issuer}")
        return claims

    async def _exchange(self, binding: Binding, metadata: Metadata, exchange: CodeExchange) -> Answer:
        form = {
            "grant_type": "authorization_code",
            "code": exchange.code,
            "redirect_uri": exchange.redirect_uri,
            "code_verifier": exchange.code_verifier,
        }
        request: dict[str, Any] = {"data": form}
        if "client_secret_basic" in metadata.token_endpoint_auth_methods_supported:
            # RFC 6749 §2.3.1: both parts are form-encoded before Basic authentication.
            request["auth"] = (quote(binding.client_id, safe=""), quote(exchange.client_secret, safe=""))
        else:
            form |= {"client_id": binding.client_id, "client_secret": exchange.client_secret}
        url = dialled(metadata.token_endpoint, binding)
        response = await self._client.send("POST", url, "idp_exchange_failed", **request)
        if response.status != 200:
            raise _refusal(binding, response)
        return response


def _refusal(binding: Binding, response: Answer) -> IdpFailed:
    try:
        answer = decode(response.content, _TokenError)
    except Unreadable:
        answer = _TokenError()
    reason = " ".join(f"{answer.error} {answer.error_description}".split())[:200] or "nothing that can be read"
    detail = f"{binding.issuer} answered {response.status} and says {reason}"
    return IdpFailed("code_rejected" if answer.error == "invalid_grant" else "idp_exchange_failed", detail)


def _clock_of(response: Answer) -> float | None:
    try:
        return parsedate_to_datetime(response.date or "").timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
