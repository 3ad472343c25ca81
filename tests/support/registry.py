"""A registry on 127.0.0.1 with one image, from which a real engine pulls, so that the image has a registry's digest."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


@dataclass
class Registry:
    """The address of the registry, and its content by tag or digest."""

    port: int = 0
    content: dict[str, tuple[str, bytes]] = field(default_factory=dict)

    @property
    def repository(self) -> str:
        return f"127.0.0.1:{self.port}/plexdev-test"

    def push(self, tag: str, text: bytes) -> str:
        """Push an image with one file of that text as *tag*. Returns its digest."""
        layer = _tar(text)
        diff = {"type": "layers", "diff_ids": [_digest(layer)]}
        config = json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": diff}).encode()
        packed = gzip.compress(layer, mtime=0)
        manifest = {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": self._blob("application/vnd.docker.container.image.v1+json", config),
            "layers": [self._blob("application/vnd.docker.image.rootfs.diff.tar.gzip", packed)],
        }
        body = json.dumps(manifest).encode()
        self.content[tag] = self.content[_digest(body)] = (_MANIFEST, body)
        return _digest(body)

    def _blob(self, media_type: str, body: bytes) -> dict[str, object]:
        self.content[_digest(body)] = ("application/octet-stream", body)
        return {"mediaType": media_type, "size": len(body), "digest": _digest(body)}


@contextlib.contextmanager
def registry() -> Iterator[Registry]:
    """Serve a registry until the block ends."""
    here = Registry()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, body = here.content.get(self.path.rpartition("/")[2], ("application/json", b"{}"))
            self.send_response(200 if self.path == "/v2/" or body != b"{}" else 404)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Docker-Content-Digest", _digest(body))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def do_HEAD(self) -> None:
            self.do_GET()

        def log_message(self, *_arguments: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        here.port = server.server_port
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield here
        server.shutdown()


def _tar(text: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo("text")
        member.size = len(text)
        archive.addfile(member, io.BytesIO(text))
    return buffer.getvalue()


def _digest(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"
