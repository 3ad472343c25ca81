"""A tiny server that answers what a test says, as an API server would."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pytest_plexdev.kube import Access, KubeClient


@dataclass(frozen=True)
class Asked:
    """A request that came."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Answers:
    """What the server says, by method and path; 404 for the rest. Text is sent as it is, anything else as JSON."""

    by_path: dict[tuple[str, str], tuple[int, Any]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    origin: str = ""

    def say(self, method: str, path: str, body: Any, *, status: int = 200) -> None:
        self.by_path[method, path] = (status, body)

    def refuse(self, method: str, path: str, status: int, reason: str, message: str, **details: Any) -> None:
        """As Kubernetes does: a ``Status`` object."""
        refusal = {"kind": "Status", "status": "Failure", "reason": reason, "message": message, "code": status}
        self.say(method, path, refusal | ({"details": details} if details else {}), status=status)


@pytest.fixture
def answers() -> Iterator[Answers]:
    found = Answers()

    class Handler(BaseHTTPRequestHandler):
        def handle_one_request(self) -> None:
            self.raw_requestline = self.rfile.readline()
            if not self.raw_requestline or not self.parse_request():
                self.close_connection = True
                return
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            path, _, query = self.path.partition("?")
            found.asked.append(Asked(self.command, path, query, dict(self.headers.items()), body))
            status, answer = found.by_path.get((self.command, path), (404, {"kind": "Status", "reason": "NotFound"}))
            content = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name is the base class's)
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    found.origin = f"http://127.0.0.1:{server.server_address[1]}"
    yield found
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def access(answers: Answers) -> Access:
    """The tiny server, as a context of a kubeconfig."""
    return Access(context="kind-test", kubeconfig=Path("/of/a test/kubeconfig"), server=answers.origin, token="s3cret")


@pytest.fixture
def client(access: Access) -> Iterator[KubeClient]:
    with KubeClient(access) as client:
        yield client
