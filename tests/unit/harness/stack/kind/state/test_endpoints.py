"""Waiting for a healthy API, over real HTTP, with an API that recovers after some requests."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pytest_plexdev.stack.kind.state import endpoints

Api = Callable[..., tuple[str, list[str]]]


@pytest.fixture
def api() -> Iterator[Api]:
    """Start an API that reports the given health states in turn, and the last one for ever. Returns its answers too."""
    servers: list[ThreadingHTTPServer] = []

    def start(*told: str) -> tuple[str, list[str]]:
        left, output = list(told), []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                output.append(left.pop(0) if len(left) > 1 else left[0])
                self.send_response(200)
                self.end_headers()
                self.wfile.write(json.dumps({"status": output[-1]}).encode())

            def log_message(self, *_: object) -> None:
                """Log nothing."""

        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"http://localhost:{servers[-1].server_port}", output

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_degraded_api_gets_time_to_come_back(api: Api) -> None:
    url, output = api("degraded", "degraded", "ok")

    endpoints.wait_until_healthy(url, deadline=time.monotonic() + 30)

    assert output == ["degraded", "degraded", "ok"]


def test_one_that_stays_degraded_is_used_as_it_is(api: Api) -> None:
    url, output = api("degraded")

    endpoints.wait_until_healthy(url, deadline=time.monotonic() + 0.2)

    assert set(output) == {"degraded"}
    assert len(output) > 1


def test_one_that_says_nothing_of_its_health_is_not_waited_for() -> None:
    began = time.monotonic()

    endpoints.wait_until_healthy("http://localhost:9", deadline=began + 30)

    assert time.monotonic() - began < 10
