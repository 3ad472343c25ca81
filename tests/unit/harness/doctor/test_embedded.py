"""The doctor's findings about an embedded stack's API, disk and cache."""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Callable
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from pytest_plexdev.core.model import Endpoints, StackInfo, Verdict
from pytest_plexdev.doctor import Finding, embedded

INFO = StackInfo(
    provider="embedded",
    id="warm",
    directory=Path("/nowhere/warm"),
    endpoints=Endpoints(api="http://localhost:1", issuer="http://localhost:2"),
    started_at=0.0,
)


def readyz(monkeypatch: pytest.MonkeyPatch, answer: Callable[[], httpx.Response]) -> Finding:
    transport = httpx.MockTransport(lambda _: answer())
    monkeypatch.setattr(embedded, "new_http_client", lambda _: httpx.Client(transport=transport))
    (finding,) = embedded._of_readyz(INFO, ())
    return finding


def test_the_failing_probe_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    probes = [
        {"name": "postgres", "ok": True},
        {"name": "spicedb", "ok": False, "informational": True, "detail": "a stand-in"},
        {"name": "nats", "ok": False, "detail": "connection refused"},
    ]
    finding = readyz(monkeypatch, lambda: httpx.Response(503, json={"status": "unhealthy", "probes": probes}))

    assert (finding.state, finding.evidence) == (
        "found",
        "GET http://localhost:1/readyz: 503; nats: connection refused",
    )
    assert finding.command == "plexdev logs plexsphere --stack embedded"


def test_a_degraded_probe_is_found_though_the_status_is_200(monkeypatch: pytest.MonkeyPatch) -> None:
    probes = [{"name": "nats", "ok": False}]
    finding = readyz(monkeypatch, lambda: httpx.Response(200, json={"status": "degraded", "probes": probes}))

    assert (finding.state, finding.evidence.partition("; ")[2]) == ("found", "nats: no answer")


@pytest.mark.parametrize("body", [b"<html>", b"[1]"])
def test_an_answer_that_is_none(monkeypatch: pytest.MonkeyPatch, body: bytes) -> None:
    finding = readyz(monkeypatch, lambda: httpx.Response(200, content=body))

    assert finding.state == "found"
    assert "got no valid answer" in finding.evidence


def test_the_api_answers_where_localhost_does_not_resolve(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve = socket.getaddrinfo

    def resolve_addresses_only(host: str, *rest: Any, **options: Any) -> Any:
        if host == "localhost":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return resolve(host, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve_addresses_only)
    with HTTPServer(("127.0.0.1", 0), _Ready) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        api = f"http://localhost:{server.server_port}"
        (finding,) = embedded._of_readyz(replace(INFO, endpoints=replace(INFO.endpoints, api=api)), ())

    assert (finding.state, finding.evidence) == ("ok", f"GET {api}/readyz: 200; postgres answer")


class _Ready(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"probes": [{"name": "postgres", "ok": true}]}')

    def log_message(self, *_: object) -> None:
        pass


def test_an_api_that_is_gone_is_not_asked() -> None:
    assert embedded._of_readyz(INFO, [Verdict(name="plexsphere", state="gone")]) == []


class _Usage(NamedTuple):
    total: int
    used: int
    free: int


def test_a_full_disk_and_a_cache_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLEXDEV_STATE_DIR", str(tmp_path / "state"))
    (tmp_path / "file").touch()
    monkeypatch.setenv("PLEXDEV_CACHE_DIR", str(tmp_path / "file" / "cache"))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: _Usage(1 << 40, 1 << 40, 5 << 20))

    found = {each.mode: each for each in embedded.examine_embedded()}

    assert found["embedded-disk"].state == "found"
    assert f"{tmp_path} has 5 MiB left" in found["embedded-disk"].evidence
    assert found["embedded-cache"].evidence.endswith(f"cache: this user may not write to {tmp_path}/file")
    assert (found["embedded-stack"].state, "embedded-readyz" in found) == ("ok", False)
