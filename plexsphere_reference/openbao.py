"""Read secrets from OpenBao's KV v2 engine over its HTTP API.

Secrets are never cached: a rotated one is used by the next request. httpx is imported with the first call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    import httpx

MOUNT: Final = "secret"
"""Where the KV v2 engine is mounted; ``bao server -dev`` mounts it there."""
_TIMEOUT: Final = 2.0
"""Seconds for a complete answer."""
_LONGEST_DETAIL: Final = 300


class OpenBaoUnavailable(Exception):
    """OpenBao does not answer, is sealed or refuses the token. The message is for the log and holds no secret."""


@dataclass(frozen=True)
class Secret:
    """A version of a secret."""

    values: Mapping[str, object] = field(repr=False)
    version: int


class _Metadata(msgspec.Struct):
    version: int


class _Version(msgspec.Struct):
    data: dict[str, object]
    metadata: _Metadata


class _Answer(msgspec.Struct):
    data: _Version


class _Errors(msgspec.Struct):
    errors: list[str] = []


class OpenBao:
    """An OpenBao at ``url``, asked with ``token``. Every call raises :class:`OpenBaoUnavailable` on failure."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url.rstrip("/")
        self._token = token
        self._client: httpx.AsyncClient | None = None
        self._opening = asyncio.Lock()

    async def read(self, path: str, *, version: int | None = None) -> Secret | None:
        """Read a secret; None if there is none, or if it was deleted.

        Args:
            path: Without the mount; its characters must mean themselves in a URL.
            version: By default the current one.
        """
        query = "" if version is None else f"?version={version}"
        response = await self._get(f"/v1/{MOUNT}/data/{path}{query}")
        if response.status_code == 404 and not _errors(response):
            return None
        if response.status_code != 200:
            raise _refused(response)
        try:
            found = msgspec.json.decode(response.content, type=_Answer).data
        except msgspec.DecodeError as error:
            # Not the decoder's message: it could quote the secret.
            raise OpenBaoUnavailable("answers 200 with something else than a secret") from error
        return Secret(found.data, found.metadata.version)

    async def check(self) -> None:
        """Check that it serves (it is initialised, unsealed and active) and accepts the token."""
        for path in ("/v1/sys/health", "/v1/auth/token/lookup-self"):
            response = await self._get(path)
            if response.status_code != 200:
                raise _refused(response)

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def _get(self, path: str) -> httpx.Response:
        client = await self._open()
        import httpx

        try:
            async with asyncio.timeout(_TIMEOUT):
                return await client.get(f"{self._url}{path}", headers={"X-Vault-Token": self._token})
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, OSError) as error:
            # httpx quotes a header that it cannot send, and this one is the token.
            quoted = isinstance(error, httpx.LocalProtocolError)
            reason = type(error).__name__ if quoted else f"{type(error).__name__}: {error}"
            raise OpenBaoUnavailable(f"does not answer: {reason}"[:_LONGEST_DETAIL]) from error

    async def _open(self) -> httpx.AsyncClient:
        async with self._opening:
            if self._client is None:
                self._client = await asyncio.to_thread(_new_client)
            return self._client


def _new_client() -> httpx.AsyncClient:
    import httpx

    from plexsphere_reference.loopback import LoopbackTransport

    # No connection is kept: one to a Pod that is gone would delay the first request after OpenBao is back.
    limits = httpx.Limits(max_keepalive_connections=0)
    return httpx.AsyncClient(
        transport=LoopbackTransport(trust_env=False, limits=limits),
        headers={"Accept": "application/json", "X-Vault-Request": "true"},
        timeout=_TIMEOUT,
        trust_env=False,
        # The token is sent to the configured address only.
        follow_redirects=False,
    )


def _errors(response: httpx.Response) -> list[str]:
    """The reasons that OpenBao gives; a 404 without any is a secret that does not exist."""
    try:
        return msgspec.json.decode(response.content, type=_Errors).errors
    except msgspec.DecodeError:
        return [f"HTTP {response.status_code} without a reason"]


def _refused(response: httpx.Response) -> OpenBaoUnavailable:
    reasons = "; ".join(_errors(response)) or response.reason_phrase
    return OpenBaoUnavailable(f"answers {response.status_code}: {reasons}"[:_LONGEST_DETAIL])
