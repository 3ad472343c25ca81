"""An HTTP server in the place of Mimir or Loki that answers as a test wants; the real ones do not fail on demand."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TIMEOUT_S = 20.0


@dataclass(frozen=True)
class Received:
    path: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class RecordingBackend:
    """Records requests. It answers 204, or the next of the statuses that a test queued."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self._answers: deque[tuple[int, bytes, Mapping[str, str]]] = deque()
        self._arrival = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def answer(self, status: int, body: bytes = b"", *, times: int = 1, **headers: str) -> None:
        """Queue an answer; in the headers, an underscore stands for a hyphen."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._answers.extend([(status, body, named)] * times)

    def wait_for(self, count: int, *, path: str = "/") -> list[Received]:
        """Wait until that many requests below a path came, and return all of them."""
        deadline = time.monotonic() + TIMEOUT_S
        with self._arrival:
            while len(found := [each for each in self.received if each.path.startswith(path)]) < count:
                assert self._arrival.wait(deadline - time.monotonic()), self.received
            return found

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        backend = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", "0")))
                status, content, headers = backend._answers.popleft() if backend._answers else (204, b"", {})
                with backend._arrival:
                    backend.received.append(Received(self.path, dict(self.headers), body))
                    backend._arrival.notify_all()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if status != 204:
                    self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_POST = do_GET  # noqa: N815 - the name that http.server calls

            def log_message(self, *_: object) -> None:
                pass

        return Handler
