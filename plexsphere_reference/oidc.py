"""The OpenID Connect relying party: discovery, the authorization URL, the code exchange, the ID token's signature.

The endpoints are dialled at the origin of the binding's ``discovery_url`` while the issuer in tokens stays the
binding's ``issuer``: in a cluster the API reaches ``http://dex:5556`` and the browser ``http://localhost:5556``.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

import msgspec

from plexsphere_reference.idp_client import Answer, IdpClient, IdpFailed
from plexsphere_reference.key_sets import WrongKeySet, claims_of, key_set
from plexsphere_reference.rules.id_token import Expected, IdTokenRefused, check
from plexsphere_reference.rules.idp import is_web_url
from plexsphere_reference.rules.sign_in import Binding
from plexsphere_reference.untrusted_json import Unreadable, decode

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

SCOPES: Final = "openid profile email groups"
_KEEP: Final = 300.0
"""Seconds that a discovery document and its keys are good for; a key that is not among them is asked for at once."""
_MOST_PROVIDERS: Final = 1000
"""Providers that are remembered: a Domain's admin names new ones as often as they like."""


class Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """The members of a discovery document that matter here (OpenID Connect Discovery §3)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)

    @property
    def urls(self) -> tuple[str, ...]:
        """Those that are dialled, and the one that a browser is sent to."""
        return self.authorization_endpoint, self.token_endpoint, self.jwks_uri


class _TokenAnswer(msgspec.Struct):
    id_token: str


class _TokenError(msgspec.Struct):
    error: str = ""
    error_description: str = ""


@dataclass(frozen=True, kw_only=True)
class AuthorizationRequest:
    """What the browser takes to the identity provider."""

    redirect_uri: str
    state: str
    nonce: str
    code_challenge: str
    prompt: str | None = None


@dataclass(frozen=True, kw_only=True)
class CodeExchange:
    """What the browser brought back, and what only this side knows."""

    code: str
    code_verifier: str
    client_secret: str
    redirect_uri: str
    nonce: str


@dataclass
class _Provider:
    """What is remembered of one identity provider. The lock lets one fetch serve all who wait for it."""

    lock: asyncio.Lock
    metadata: Metadata | None = None
    metadata_at: float = 0.0
    keys: KeySet | None = None
    keys_at: float = 0.0
    failure: IdpFailed | None = None
    failed_at: float = 0.0

    @contextmanager
    def fetching(self, asked_at: float, clock: Callable[[], float]) -> Iterator[None]:
        """Fetch something in the body, the lock held. Who waited meanwhile fails with it: a provider that does not
        answer is not waited for once for each of them."""
        if self.failure is not None and self.failed_at > asked_at:
            raise IdpFailed(self.failure.kind, self.failure.detail)
        try:
            yield
        except IdpFailed as error:
            self.failure, self.failed_at = error, clock()
            raise


class RelyingParty:
    """Speaks to the identity providers of all bindings.

    Args:
        clock: Unix time, seconds.
    """

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._providers: dict[tuple[str, str], _Provider] = {}
        self._client = IdpClient()

    async def warm_up(self) -> None:
        """Import what is needed, in a thread, before anybody waits for it."""
        await self._client.open()

    async def close(self) -> None:
        await self._client.close()

    async def authorization_url(self, binding: Binding, request: AuthorizationRequest) -> str:
        """Where the browser signs in.

        Raises:
            IdpFailed: ``idp_discovery_failed``.
        """
        metadata = await self._metadata(binding)
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
        """The claims of the ID token that the code is exchanged for, its signature and its rules checked.

        Raises:
            IdpFailed: The provider does not answer, or takes the code for wrong (``code_rejected``).
            IdTokenRefused: The token does not hold.
        """
        metadata = await self._metadata(binding)
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

    # ---- discovery and keys -----------------------------------------------------------

    async def _metadata(self, binding: Binding) -> Metadata:
        provider, asked_at = self._provider(binding), self._clock()
        async with provider.lock:
            if provider.metadata is None or self._clock() - provider.metadata_at > _KEEP:
                with provider.fetching(asked_at, self._clock):
                    provider.metadata = await self._discover(binding)
                    provider.metadata_at = self._clock()
            return provider.metadata

    async def _discover(self, binding: Binding) -> Metadata:
        for url in (binding.discovery_url, binding.issuer):
            if not is_web_url(url):  # stored before it was checked
                raise IdpFailed("idp_discovery_failed", f"the binding's {url[:200]!r} is no http or https URL")
        content = await self._document(binding.discovery_url)
        try:
            metadata = decode(content, Metadata)
        except Unreadable as error:
            detail = f"{binding.discovery_url} is no discovery document: {error}"
            raise IdpFailed("idp_discovery_failed", detail) from error
        if metadata.issuer != binding.issuer:
            raise IdpFailed(
                "idp_discovery_failed",
                f"{binding.discovery_url} speaks for {metadata.issuer[:200]}, not for the issuer {binding.issuer}",
            )
        for url in metadata.urls:
            if not is_web_url(url):
                detail = f"{binding.discovery_url} names {url[:200]!r}, which is no http or https URL"
                raise IdpFailed("idp_discovery_failed", detail)
        return metadata

    async def _keys(self, binding: Binding, metadata: Metadata, *, newer_than: float) -> KeySet:
        """The provider's keys, fetched again where those at hand are older than ``newer_than``."""
        provider, asked_at = self._provider(binding), self._clock()
        async with provider.lock:
            if provider.keys is None or provider.keys_at < newer_than:
                fetched_at = self._clock()
                with provider.fetching(asked_at, self._clock):
                    provider.keys = await self._fetch_keys(binding, metadata)
                provider.keys_at = fetched_at
            return provider.keys

    async def _fetch_keys(self, binding: Binding, metadata: Metadata) -> KeySet:
        document = await self._document(_dialled(metadata.jwks_uri, binding))
        try:
            return key_set(document)
        except WrongKeySet as error:
            detail = f"the key set of {binding.issuer} has no key that can be used"
            raise IdpFailed("idp_discovery_failed", detail) from error

    async def _verified(self, binding: Binding, metadata: Metadata, id_token: str) -> Mapping[str, Any]:
        """Claims of a token with a good signature. One that the keys at hand do not fit is tried with the keys
        of now: providers rotate them (Dex every six hours), and an embedded one has new keys at each start."""
        began = self._clock()
        keys = await self._keys(binding, metadata, newer_than=began - _KEEP)
        claims = claims_of(id_token, keys)
        if claims is None:
            claims = claims_of(id_token, await self._keys(binding, metadata, newer_than=began))
        if claims is None:
            raise IdTokenRefused("id_token_invalid", f"the id_token is not signed by a key of {binding.issuer}")
        return claims

    def _provider(self, binding: Binding) -> _Provider:
        key = (binding.issuer, binding.discovery_url)
        if key not in self._providers and len(self._providers) >= _MOST_PROVIDERS:
            del self._providers[next(iter(self._providers))]
        return self._providers.setdefault(key, _Provider(asyncio.Lock()))

    # ---- the wire ---------------------------------------------------------------------

    async def _exchange(self, binding: Binding, metadata: Metadata, exchange: CodeExchange) -> Answer:
        form = {
            "grant_type": "authorization_code",
            "code": exchange.code,
            "redirect_uri": exchange.redirect_uri,
            "code_verifier": exchange.code_verifier,
        }
        request: dict[str, Any] = {"data": form}
        if "client_secret_basic" in metadata.token_endpoint_auth_methods_supported:
            # RFC 6749 §2.3.1: both parts are form-encoded first.
            request["auth"] = (quote(binding.client_id, safe=""), quote(exchange.client_secret, safe=""))
        else:
            form |= {"client_id": binding.client_id, "client_secret": exchange.client_secret}
        url = _dialled(metadata.token_endpoint, binding)
        response = await self._client.send("POST", url, "idp_exchange_failed", **request)
        if response.status != 200:
            raise _refusal(binding, response)
        return response

    async def _document(self, url: str) -> bytes:
        response = await self._client.send("GET", url, "idp_discovery_failed")
        if response.status != 200:
            raise IdpFailed("idp_discovery_failed", f"{url} answered {response.status}")
        return response.content


def _dialled(endpoint: str, binding: Binding) -> str:
    """``endpoint`` at the origin where its provider is reached from here; one of another host stays as it is."""
    target, issuer, reached = urlsplit(endpoint), urlsplit(binding.issuer), urlsplit(binding.discovery_url)
    if (target.scheme, target.netloc) != (issuer.scheme, issuer.netloc):
        return endpoint
    return urlunsplit((reached.scheme, reached.netloc, target.path, target.query, ""))


def _refusal(binding: Binding, response: Answer) -> IdpFailed:
    try:
        answer = decode(response.content, _TokenError)
    except Unreadable:
        answer = _TokenError()
    said = " ".join(f"{answer.error} {answer.error_description}".split())[:200] or "nothing that can be read"
    detail = f"{binding.issuer} answered {response.status} and says {said}"
    return IdpFailed("code_rejected" if answer.error == "invalid_grant" else "idp_exchange_failed", detail)


def _clock_of(response: Answer) -> float | None:
    try:
        return parsedate_to_datetime(response.date or "").timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
