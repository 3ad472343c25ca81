"""Dial 127.0.0.1 where a URL says ``localhost``, without asking a resolver.

The stack's public URLs say ``localhost`` and its servers listen on 127.0.0.1. A machine whose ``localhost`` does not
resolve, or resolves to ``::1`` only, reaches them all the same. Host, Origin, cookies and redirects keep ``localhost``.
"""

from __future__ import annotations

from typing import Final

import httpx

_NAME: Final = "localhost"
_ADDRESS: Final = "127.0.0.1"


class LoopbackTransport(httpx.HTTPTransport):
    """httpx's own transport, but for the address of ``localhost`` (RFC 6761, section 6.3)."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return super().handle_request(_by_address(request))


def _by_address(request: httpx.Request) -> httpx.Request:
    if request.url.host != _NAME:
        return request
    # A request of its own: cookies and redirects are judged by the URL of the one that was asked for.
    return httpx.Request(
        request.method,
        request.url.copy_with(host=_ADDRESS),
        headers=request.headers,
        stream=request.stream,
        extensions={"sni_hostname": _NAME, **request.extensions},
    )
