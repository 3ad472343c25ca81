"""The outermost layer: a correlation id for every request, and a count of every answer."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from plexsphere_reference.http.metrics import Metrics
from plexsphere_reference.http.problems import Problem
from plexsphere_reference.ids import uuid7


class Envelope:
    """Wraps the application; requests whose target holds a NUL never reach it (Postgres text cannot)."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        correlation_id = str(uuid7())
        scope["plexsphere.correlation_id"] = correlation_id
        header = (b"x-correlation-id", correlation_id.encode())

        async def send_with_correlation_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], header]
                self._metrics.count(scope["method"], message["status"])
            await send(message)

        if "\0" in scope["path"] or b"%00" in scope["query_string"]:
            problem = Problem(400, "invalid_request", "the request target must not contain NUL")
            response = problem.response(instance=scope["path"], correlation_id=correlation_id)
            await response(scope, receive, send_with_correlation_id)
            return
        await self._app(scope, receive, send_with_correlation_id)
