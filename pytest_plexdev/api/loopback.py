"""Connect to 127.0.0.1 for URLs with ``localhost``, without a resolver.

The stack's public URLs have ``localhost``, and its servers listen on 127.0.0.1. So they are reachable even if
``localhost`` does not resolve, or only to ``::1``. Host, Origin, cookies and redirects keep ``localhost``.
"""

from __future__ import annotations

from typing import Final

import httpx

_NAME: Final = "localhost"
_ADDRESS: Final = "127.0.0.1"


class LoopbackTransport(httpx.HTTPTransport):
    """httpx's transport, with 127.0.0.1 as the address of ``localhost`` (RFC 6761, section 6.3)."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return super().handle_request(_by_address(request))


class AsyncLoopbackTransport(httpx.AsyncHTTPTransport):
    """The same for asynchronous requests."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await super().handle_async_request(_by_address(request))


def _by_address(request: httpx.Request) -> httpx.Request:
    if request.url.host != _NAME:
        return request
    # A copy, because httpx uses the URL of the original for cookies and redirects.
    return httpx.Request(
        request.method,
        request.url.copy_with(host=_ADDRESS),
        headers=request.headers,
        stream=request.stream,
        extensions={"sni_hostname": _NAME, **request.extensions},
    )
