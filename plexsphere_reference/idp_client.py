"""HTTP client for identity providers. httpx and joserfc are imported lazily, as this takes a quarter of a second."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import httpx

_TIMEOUT: Final = 5.0
"""Seconds for a complete response."""
_LARGEST_ANSWER: Final = 1024 * 1024
_LONGEST_DETAIL: Final = 500


class IdpFailed(Exception):
    """A request to the identity provider failed.

    Attributes:
        kind: The problem code: ``idp_discovery_failed``, ``idp_exchange_failed`` or ``code_rejected``.
        detail: The cause, for the log only. A Domain's admin chooses the address, so its response must not be shown
            to the user who signs in.
    """

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(kind, detail)
        self.kind = kind
        self.detail = detail


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An identity provider's response with any status. ``date`` is its ``Date`` header."""

    status: int
    content: bytes = field(repr=False)
    date: str | None


class IdpClient:
    """A connection pool for all providers. It follows no redirects and ignores proxies from the environment."""

    def __init__(self) -> None:
        self._client: httpx.AsyncClient | None = None
        self._opening = asyncio.Lock()

    async def open(self) -> httpx.AsyncClient:
        """Return the pool. The first call creates it in a thread."""
        async with self._opening:
            if self._client is None:
                self._client = await asyncio.to_thread(_new_client)
            return self._client

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def send(self, method: str, url: str, kind: str, **request: Any) -> Answer:
        """Send a request and read the whole response.

        Raises:
            IdpFailed: With ``kind``, if there is no response in time or it is too large.
        """
        client = await self.open()
        import httpx

        try:
            # One deadline for the whole response, because a server may send single bytes indefinitely.
            async with asyncio.timeout(_TIMEOUT), client.stream(method, url, **request) as response:
                return await _read(response, url, kind)
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, ValueError, OSError) as error:
            raise IdpFailed(
                kind, f"{url} does not answer: {type(error).__name__}: {error}"[:_LONGEST_DETAIL]
            ) from error


async def _read(response: httpx.Response, url: str, kind: str) -> Answer:
    # Compressed responses are rejected: their size is unknown before decompression, and the request asks for identity.
    if response.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise IdpFailed(kind, f"{url} answered in an encoding that was not requested")
    content = bytearray()
    async for chunk in response.aiter_raw():
        content += chunk
        if len(content) > _LARGEST_ANSWER:
            raise IdpFailed(kind, f"{url} answered with more than {_LARGEST_ANSWER} bytes")
    return Answer(status=response.status_code, content=bytes(content), date=response.headers.get("date"))


def _new_client() -> httpx.AsyncClient:
    from http.cookiejar import CookieJar, DefaultCookiePolicy

    import httpx
    import joserfc.jwk
    import joserfc.jwt  # noqa: F401 - imported here so that the first sign-in does not wait for it

    from plexsphere_reference.loopback import LoopbackTransport

    return httpx.AsyncClient(
        transport=LoopbackTransport(trust_env=False),
        headers={"Accept": "application/json", "Accept-Encoding": "identity"},
        timeout=_TIMEOUT,
        trust_env=False,
        follow_redirects=False,
        # The client is shared by all tenants' providers, so it stores no cookies.
        cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=())),
    )
