"""Parse an API server's responses: lines of a watch, refusals, and its clock."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any, Final

import httpx
import msgspec

from pytest_plexdev.core.http_date import server_time
from pytest_plexdev.core.untrusted_json import decode_as
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.cluster import KUBE_REFUSED
from pytest_plexdev.kube import KubeClient, Resource

_HEADER_TELLS: Final = 2.0
"""Seconds within which two clocks count as equal: the header has whole seconds."""


async def lines(response: httpx.Response) -> AsyncIterator[bytes]:
    """Yield the lines, one JSON object each. ``aiter_lines`` would also split at other separators."""
    rest = b""
    async for piece in response.aiter_bytes():
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield line


def check(client: KubeClient, verb: str, resource: Resource, response: httpx.Response) -> None:
    """Raise the error of a response that is not a success.

    Raises:
        HTTPStatusError: The server cannot answer now.
        PlexdevError: ``kube-refused``.
    """
    if response.is_success:
        return
    if response.status_code == httpx.codes.TOO_MANY_REQUESTS or response.is_server_error:
        raise httpx.HTTPStatusError(f"it answers {response.status_code}", request=response.request, response=response)
    raise PlexdevError(
        KUBE_REFUSED,
        verb=verb,
        object=resource.plural,
        reason=f"{response.status_code} {response.reason_phrase}",
        message=_message(response),
        fix=client.command("auth", "can-i", verb, resource.plural),
    )


def clock_ahead(response: httpx.Response) -> float:
    """Return by how many seconds the server's clock is ahead; 0 if the difference is below the header's precision."""
    now = time.time()
    ahead = (server_time(response.headers) or now) - now
    return ahead if abs(ahead) > _HEADER_TELLS else 0.0


def _message(response: httpx.Response) -> str:
    with contextlib.suppress(msgspec.DecodeError, AttributeError):
        return str(decode_as(response.content, dict[str, Any]).get("message"))
    return response.text[:500] or "without a reason"
