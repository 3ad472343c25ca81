"""The API's client needs no resolver for ``localhost``, and keeps that name in everything but the address."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from pytest_plexdev.api.transport import new_http_client


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Set-Cookie", "seen=1; Path=/; HttpOnly")
        self.end_headers()
        self.wfile.write(f"{self.headers['Host']} {self.headers.get('Cookie')} ".encode() + body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def port() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_localhost_needs_no_resolver(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", _only_addresses(socket.getaddrinfo))
    url = f"http://localhost:{port}"
    with new_http_client(url) as client:
        answers = [client.post(f"{url}/x", content=b"hello") for _ in range(2)]

    assert [answer.text for answer in answers] == [f"localhost:{port} None hello", f"localhost:{port} seen=1 hello"]
    assert str(answers[0].url) == f"{url}/x"


def _only_addresses(resolve: object) -> object:
    def getaddrinfo(host: str, *rest: object, **named: object) -> object:
        assert callable(resolve)
        if host != "127.0.0.1":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return resolve(host, *rest, **named)

    return getaddrinfo
