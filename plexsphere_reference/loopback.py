"""Dial 127.0.0.1 where a URL says ``localhost`` (RFC 6761, section 6.3): a machine need not resolve that name to it.

Imports httpx, and is itself imported when a provider is first dialled.
"""

from __future__ import annotations

import httpx


class LoopbackTransport(httpx.AsyncHTTPTransport):
    """httpx's own transport, but for the address of ``localhost``."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.host == "localhost":
            request = httpx.Request(
                request.method,
                request.url.copy_with(host="127.0.0.1"),
                headers=request.headers,
                stream=request.stream,
                extensions={"sni_hostname": "localhost", **request.extensions},
            )
        return await super().handle_async_request(request)
