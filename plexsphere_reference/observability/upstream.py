"""HTTP client of a telemetry backend. httpx is imported at the first request."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

if TYPE_CHECKING:
    import httpx

TENANT_HEADER: Final = "X-Scope-OrgID"
LARGEST_ANSWER: Final = 16 * 1024 * 1024
_TIMEOUT_S: Final = 30.0
"""Longer than the time limit of any request, which covers the whole answer."""


class UpstreamUnavailable(Exception):
    """The backend gave no usable answer."""


class UpstreamTimeout(UpstreamUnavailable):
    """The backend did not answer in time."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A backend's answer with any status.

    Attributes:
        is_complete: Whether the body had at most :data:`LARGEST_ANSWER` bytes; if not, *content* is empty.
    """

    status: int
    content: bytes = field(repr=False)
    retry_after_s: float | None = None
    is_complete: bool = True


class Upstream:
    """A connection pool of one backend. The tenant of every request is a Domain.

    Args:
        url: The backend's origin.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._client: httpx.AsyncClient | None = None
        self._opening = asyncio.Lock()

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def send(
        self, method: str, path: str, *, tenant: UUID, within_s: float, headers: Mapping[str, str], **request: Any
    ) -> Answer:
        """Send a request and read the answer.

        Args:
            tenant: The Domain whose data is written or read.
            within_s: Time limit in seconds for the whole answer.
            **request: As of ``httpx.AsyncClient.stream``.

        Raises:
            UpstreamUnavailable: There was no answer; :class:`UpstreamTimeout` if not in time.
        """
        client = await self._open()
        import httpx

        named = {**headers, TENANT_HEADER: str(tenant)}
        try:
            async with (
                asyncio.timeout(within_s),
                client.stream(method, self._url + path, headers=named, **request) as response,
            ):
                return await _read(response)
        except (httpx.TimeoutException, TimeoutError) as error:
            raise UpstreamTimeout(f"{self._url} did not answer within {within_s:g} s") from error
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError) as error:
            raise UpstreamUnavailable(f"{self._url} does not answer: {type(error).__name__}: {error}") from error

    async def _open(self) -> httpx.AsyncClient:
        async with self._opening:
            if self._client is None:
                self._client = await asyncio.to_thread(_new_client)
            return self._client


async def _read(response: httpx.Response) -> Answer:
    content = bytearray()
    async for chunk in response.aiter_raw():
        content += chunk
        if len(content) > LARGEST_ANSWER:
            return Answer(status=response.status_code, content=b"", is_complete=False)
    retry_after = response.headers.get("retry-after", "")
    return Answer(
        status=response.status_code,
        content=bytes(content),
        retry_after_s=float(retry_after) if retry_after.isascii() and retry_after.isdigit() else None,
    )


def _new_client() -> httpx.AsyncClient:
    import httpx

    from plexsphere_reference.loopback import LoopbackTransport

    return httpx.AsyncClient(
        transport=LoopbackTransport(trust_env=False),
        headers={"Accept": "application/json", "Accept-Encoding": "identity"},
        timeout=_TIMEOUT_S,
        trust_env=False,
        follow_redirects=False,
    )
