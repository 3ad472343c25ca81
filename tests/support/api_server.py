"""A fake API server, whose answers a test sets."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Request:
    """A request that arrived."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Answers:
    """The answers by method and path; 404 for all others. Text is sent unchanged, anything else as JSON."""

    by_path: dict[tuple[str, str], tuple[int, Any]] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    origin: str = ""

    def say(self, method: str, path: str, body: Any, *, status: int = 200) -> None:
        self.by_path[method, path] = (status, body)

    def refuse(self, method: str, path: str, status: int, reason: str, message: str, **details: Any) -> None:
        """Answer with a ``Status`` object, as Kubernetes does."""
        refusal = {"kind": "Status", "status": "Failure", "reason": reason, "message": message, "code": status}
        self.say(method, path, refusal | ({"details": details} if details else {}), status=status)


@contextmanager
def serve_answers() -> Iterator[Answers]:
    """Serve the answers that the test sets, on a free port of 127.0.0.1."""
    found = Answers()

    class Handler(BaseHTTPRequestHandler):
        def handle_one_request(self) -> None:
            self.raw_requestline = self.rfile.readline()
            if not self.raw_requestline or not self.parse_request():
                self.close_connection = True
                return
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            path, _, query = self.path.partition("?")
            found.requests.append(Request(self.command, path, query, dict(self.headers.items()), body))
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
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
