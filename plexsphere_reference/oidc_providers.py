"""Fetch and cache discovery documents and key sets of identity providers. Concurrent requests share one fetch.

Connections use the origin of the binding's ``discovery_url``; the issuer in tokens is the binding's ``issuer``. For
example, in a cluster the API reaches ``http://dex:5556`` and the browser ``http://localhost:5556``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit, urlunsplit

import msgspec

from plexsphere_reference.idp_client import IdpClient, IdpFailed
from plexsphere_reference.key_sets import WrongKeySet, key_set
from plexsphere_reference.rules.idp import is_web_url
from plexsphere_reference.rules.sign_in import Binding
from plexsphere_reference.untrusted_json import Unreadable, decode

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

KEEP_S: Final = 300.0
"""Seconds for which a discovery document and its keys are cached; an unknown key is fetched at once."""
_MOST_PROVIDERS: Final = 1000
"""Limit of the cache: a Domain's admin may create bindings to any number of providers."""


class Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """The required members of a discovery document (OpenID Connect Discovery §3)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)

    @property
    def urls(self) -> tuple[str, ...]:
        """The endpoints: the first for the browser, the other two for the control plane."""
        return self.authorization_endpoint, self.token_endpoint, self.jwks_uri


@dataclass
class _Provider:
    """The cache of one identity provider. With the lock, concurrent requests share one fetch."""

    lock: asyncio.Lock
    metadata: Metadata | None = None
    metadata_at: float = 0.0
    keys: KeySet | None = None
    keys_at: float = 0.0
    failure: IdpFailed | None = None
    failed_at: float = 0.0

    @contextmanager
    def fetching(self, asked_at: float, clock: Callable[[], float]) -> Iterator[None]:
        """Record a failed fetch of the body, which must hold the lock.

        Requests that were waiting fail with the same error, so they do not each wait for a timeout of their own.
        """
        if self.failure is not None and self.failed_at > asked_at:
            raise IdpFailed(self.failure.kind, self.failure.detail)
        try:
            yield
        except IdpFailed as error:
            self.failure, self.failed_at = error, clock()
            raise


class Providers:
    """The identity providers of all bindings.

    Args:
        clock: Returns the Unix time in seconds.
    """

    def __init__(self, client: IdpClient, clock: Callable[[], float]) -> None:
        self._client = client
        self._clock = clock
        self._providers: dict[tuple[str, str], _Provider] = {}

    async def metadata(self, binding: Binding) -> Metadata:
        """Return the discovery document, at most :data:`KEEP_S` old.

        Raises:
            IdpFailed: ``idp_discovery_failed``.
        """
        provider, asked_at = self._provider(binding), self._clock()
        async with provider.lock:
            if provider.metadata is None or self._clock() - provider.metadata_at > KEEP_S:
                with provider.fetching(asked_at, self._clock):
                    provider.metadata = await self._discover(binding)
                    provider.metadata_at = self._clock()
            return provider.metadata

    async def _discover(self, binding: Binding) -> Metadata:
        for url in (binding.discovery_url, binding.issuer):
            if not is_web_url(url):  # stored before URLs were validated
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

    async def keys(self, binding: Binding, metadata: Metadata, *, newer_than: float) -> KeySet:
        """Return the provider's keys; fetch them again if the cached ones are older than ``newer_than``."""
        provider, asked_at = self._provider(binding), self._clock()
        async with provider.lock:
            if provider.keys is None or provider.keys_at < newer_than:
                fetched_at = self._clock()
                with provider.fetching(asked_at, self._clock):
                    provider.keys = await self._fetch_keys(binding, metadata)
                provider.keys_at = fetched_at
            return provider.keys

    async def _fetch_keys(self, binding: Binding, metadata: Metadata) -> KeySet:
        document = await self._document(dialled(metadata.jwks_uri, binding))
        try:
            return key_set(document)
        except WrongKeySet as error:
            detail = f"the key set of {binding.issuer} has no key that can be used"
            raise IdpFailed("idp_discovery_failed", detail) from error

    def _provider(self, binding: Binding) -> _Provider:
        key = (binding.issuer, binding.discovery_url)
        if key not in self._providers and len(self._providers) >= _MOST_PROVIDERS:
            del self._providers[next(iter(self._providers))]
        return self._providers.setdefault(key, _Provider(asyncio.Lock()))

    async def _document(self, url: str) -> bytes:
        response = await self._client.send("GET", url, "idp_discovery_failed")
        if response.status != 200:
            raise IdpFailed("idp_discovery_failed", f"{url} answered {response.status}")
        return response.content


def dialled(endpoint: str, binding: Binding) -> str:
    """Return ``endpoint`` at the origin of ``discovery_url``; an endpoint on another host is returned unchanged."""
    target, issuer, reached = urlsplit(endpoint), urlsplit(binding.issuer), urlsplit(binding.discovery_url)
    if (target.scheme, target.netloc) != (issuer.scheme, issuer.netloc):
        return endpoint
    return urlunsplit((reached.scheme, reached.netloc, target.path, target.query, ""))
