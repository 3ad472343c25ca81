"""uvicorn's HTTP/1.1 protocol, extended to answer malformed requests with a problem."""

from __future__ import annotations

from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from plexsphere_reference.http.access_log import log_malformed
from plexsphere_reference.http.problems import Problem
from plexsphere_reference.ids import uuid7

_INSTANCE: Final = "/"
"""The path is unknown, because the request could not be parsed."""


class PlaneProtocol(HttpToolsProtocol):
    """Answers bytes that are not an HTTP request with the problem ``invalid_request`` and closes the connection."""

    def send_400_response(self, msg: str) -> None:
        correlation_id = str(uuid7())
        log_malformed(correlation_id, "invalid_request")
        response = Problem(400, "invalid_request", msg).response(instance=_INSTANCE, correlation_id=correlation_id)
        headers = [
            *self.server_state.default_headers,
            *response.raw_headers,
            (b"x-correlation-id", correlation_id.encode()),
            (b"cache-control", b"no-store"),
            (b"connection", b"close"),
        ]
        lines = [b"HTTP/1.1 400 Bad Request", *(name + b": " + value for name, value in headers)]
        self.transport.write(b"\r\n".join([*lines, b"", bytes(response.body)]))
        self.transport.close()
