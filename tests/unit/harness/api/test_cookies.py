"""The principals of one API share its connections, and no cookies."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import msgspec
import pytest

from pytest_plexdev.api.transport import Transport

COOKIE: Final = "plexsphere_session=of-ada"


class Api(ThreadingHTTPServer):
    """An API that sets a session cookie with each answer."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.cookies: list[str | None] = []


class _Handler(BaseHTTPRequestHandler):
    server: Api

    def do_GET(self) -> None:
        self.server.cookies.append(self.headers.get("Cookie"))
        self.send_response(200)
        self.send_header("Set-Cookie", f"{COOKIE}; Path=/; HttpOnly")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def api() -> Iterator[Api]:
    with Api() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_no_principal_sends_the_cookie_of_another(api: Api) -> None:
    anonymous = Transport(f"http://localhost:{api.server_port}")
    _, cookies = anonymous.request_with_cookies("GET", "/", dict[str, msgspec.Raw])
    for token in ("psk_dev_bob", None):
        anonymous.as_principal(token).send("GET", "/")
    anonymous.close()

    assert cookies == {"plexsphere_session": "of-ada"}
    assert api.cookies == [None, None, None]
