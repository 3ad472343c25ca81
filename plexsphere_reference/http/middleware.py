"""The outermost ASGI layer: headers that every response has, and a line of the log per request."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from plexsphere_reference.http.access_log import start_access
from plexsphere_reference.http.metrics import Metrics
from plexsphere_reference.ids import uuid7

_NO_STORE: Final = (b"cache-control", b"no-store")
_CHALLENGE: Final = (b"www-authenticate", b'Bearer realm="plexsphere"')
_ENCODED_SLASH: Final = re.compile("%2f", re.IGNORECASE)


class Envelope:
    """Wraps the application.

    Every response has a correlation id. Responses are not cacheable unless the handler says otherwise, because they
    contain secrets or data for the caller only. A 401 names the authentication scheme (RFC 9110 §11.6.1).
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        _keep_encoded_slashes(scope)
        correlation_id = str(uuid7())
        access = start_access(scope, correlation_id)
        header = (b"x-correlation-id", correlation_id.encode())

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], header, *_missing(message)]
                self._metrics.count(scope["method"], message["status"])
                access.write(scope, message["status"])
            await send(message)

        await self._app(scope, receive, send_with_headers)


def _missing(message: Message) -> list[tuple[bytes, bytes]]:
    names = {name for name, _ in message["headers"]}
    wanted = (_NO_STORE, _CHALLENGE) if message["status"] == 401 else (_NO_STORE,)
    return [header for header in wanted if header[0] not in names]


def _keep_encoded_slashes(scope: Scope) -> None:
    """Keep encoded slashes encoded: decoding them before routing would split a path segment."""
    raw: bytes = scope["raw_path"]
    if b"%2" in raw and _ENCODED_SLASH.search(text := raw.decode("ascii")):
        scope["path"] = unquote(_ENCODED_SLASH.sub("%252F", text))
