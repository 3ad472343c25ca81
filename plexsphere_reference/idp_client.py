"""HTTP to identity providers. httpx and joserfc take a quarter of a second to import: not before they are needed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import httpx

_TIMEOUT: Final = 5.0
_LARGEST_ANSWER: Final = 1024 * 1024


class IdpFailed(Exception):
    """The identity provider did not do its part.

    Attributes:
        kind: The problem code: ``idp_discovery_failed``, ``idp_exchange_failed`` or ``code_rejected``.
        detail: One sentence for a person.
    """

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(kind, detail)
        self.kind = kind
        self.detail = detail


class IdpClient:
    """One connection pool for all providers. It follows no redirect and reads no proxy from the environment."""

    def __init__(self) -> None:
        self._client: httpx.AsyncClient | None = None
        self._opening = asyncio.Lock()

    async def open(self) -> httpx.AsyncClient:
        """The pool, made in a thread by who comes first."""
        async with self._opening:
            if self._client is None:
                self._client = await asyncio.to_thread(_new_client)
            return self._client

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def send(self, method: str, url: str, kind: str, **request: Any) -> httpx.Response:
        """The answer, read whole.

        Raises:
            IdpFailed: ``kind``: there is none, or it is larger than an identity provider's can be.
        """
        client = await self.open()
        import httpx

        try:
            async with client.stream(method, url, **request) as response:
                content = bytearray()
                async for chunk in response.aiter_bytes():
                    content += chunk
                    if len(content) > _LARGEST_ANSWER:
                        raise IdpFailed(kind, f"{url} answered with more than {_LARGEST_ANSWER} bytes")
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError, OSError) as error:
            raise IdpFailed(kind, f"{url} does not answer: {type(error).__name__}") from error
        headers = [item for item in response.headers.multi_items() if item[0] != "content-encoding"]
        return httpx.Response(response.status_code, headers=headers, content=bytes(content))


def _new_client() -> httpx.AsyncClient:
    import httpx
    import joserfc.jwk
    import joserfc.jwt  # noqa: F401 - imported here so that nobody waits for it later

    return httpx.AsyncClient(timeout=_TIMEOUT, trust_env=False, follow_redirects=False)
