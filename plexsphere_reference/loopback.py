"""Connect to 127.0.0.1 for ``localhost`` URLs (RFC 6761 §6.3), even if the system does not resolve the name.

Imports httpx, so import this module lazily.
"""

from __future__ import annotations

import httpx


class LoopbackTransport(httpx.AsyncHTTPTransport):
    """httpx's transport that connects to 127.0.0.1 for ``localhost``."""

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
