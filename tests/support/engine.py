"""A fake Docker engine on a Unix socket, for races and failures that a real engine cannot provoke.

Its state is files in a directory, which programs of a test change as ``kind`` changes a real engine's state.
``tests/e2e/test_engine.py`` compares its answers with a real engine's.
"""

from __future__ import annotations

import contextlib
import io
import json
import socketserver
import tarfile
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

API: Final = "1.41"
NETWORK: Final = "0123456789abcdef"
"""The id of a network; its bridge is ``br-0123456789ab``."""
KIND_LABEL: Final = "io.x-k8s.kind.cluster"


@dataclass
class Engine:
    """The state of the engine, and its requests.

    Attributes:
        state: A directory with ``node.json`` (the one container, as ``inspect`` shows it), ``configuration.tar`` (its
            file), ``listed`` (the container is listed, but cannot be inspected yet) and ``images.json`` (image ids by
            name).
        requests: The requests, in order: ``inspect``, ``archive``, ``start``, …
        refuses: The status and message of the error for a request, by its name.
        away_for: The number of connections to close without an answer.
        version: The engine's version.
        gate: Requests wait until it is set.
    """

    state: Path
    address: str
    requests: list[str] = field(default_factory=list)
    refuses: dict[str, tuple[int, str]] = field(default_factory=dict)
    away_for: int = 0
    version: str = "28.0.1"
    gate: threading.Event = field(default_factory=threading.Event)

    @property
    def node(self) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = json.loads((self.state / "node.json").read_text())
        except FileNotFoundError:
            return None
        return found

    @node.setter
    def node(self, node: dict[str, Any]) -> None:
        (self.state / "node.json").write_text(json.dumps(node))

    @property
    def images(self) -> dict[str, str]:
        file = self.state / "images.json"
        found: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
        return found

    @images.setter
    def images(self, images: dict[str, str]) -> None:
        (self.state / "images.json").write_text(json.dumps(images))

    def write_file(self, text: str) -> None:
        """Set the content of every file that is read from the container."""
        with tarfile.open(self.state / "configuration.tar", "w") as archive:
            member = tarfile.TarInfo("kubeadm.conf")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))


def container(
    name: str,
    *,
    created: str = "2026-01-01T00:00:00.123456789Z",
    cluster: str = "",
    running: bool = True,
    paused: bool = False,
    bindings: dict[str, list[dict[str, str]]] | None = None,
) -> dict[str, Any]:
    """A container as ``inspect`` shows it, with the members that the harness reads."""
    return {
        "Name": f"/{name}",
        "Created": created,
        "State": {"Running": running, "Paused": paused, "StartedAt": created},
        "HostConfig": {"PortBindings": bindings or {}},
        "Config": {"Labels": {KIND_LABEL: cluster} if cluster else {}},
        "NetworkSettings": {"Networks": {"kind": {"NetworkID": NETWORK, "IPAddress": "172.18.0.2"}}},
    }


@contextlib.contextmanager
def serving(state: Path) -> Iterator[Engine]:
    """Run an engine until the block ends. Set DOCKER_HOST to its ``address``."""
    # The path of a socket has at most 108 bytes, and pytest's directories may be longer.
    with tempfile.TemporaryDirectory(prefix="engine-", dir="/tmp") as directory:
        engine = Engine(state, f"unix://{directory}/s")
        engine.gate.set()
        server = _Server(f"{directory}/s", partial(_Handler, engine))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield engine
        finally:
            engine.gate.set()
            server.shutdown()
            thread.join()
            server.server_close()


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 64


class _Refused(Exception):
    pass


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, engine: Engine, *arguments: Any) -> None:
        self._engine = engine
        super().__init__(*arguments)

    def log_message(self, *_: Any) -> None:
        pass

    def handle(self) -> None:
        if self._engine.away_for > 0:
            self._engine.away_for -= 1
            return
        # The client may have closed the connection.
        with contextlib.suppress(BrokenPipeError):
            super().handle()

    def do_GET(self) -> None:
        self._answer()

    do_POST = do_DELETE = do_GET  # noqa: N815 # the names that http.server calls

    def _answer(self) -> None:
        url = urlsplit(self.path)
        path = [unquote(part) for part in url.path.strip("/").split("/")]
        if path[0] == f"v{API}":
            del path[0]
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        self._engine.gate.wait()
        try:
            status, answer = self._found(path, query)
        except _Refused as error:
            status, answer = error.args
            answer = {"message": answer}
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        if path[-1] == "archive":
            self.send_header("X-Docker-Container-Path-Stat", "e30=")
        if status != 204:
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if status != 204:
            self.wfile.write(body)

    def _found(self, path: list[str], query: dict[str, str]) -> tuple[int, Any]:
        match path:
            case ["version"]:
                return 200, {"Version": self._engine.version, "ApiVersion": API}
            case ["_ping"]:
                return 200, b"OK"
            case ["info"]:
                self._note("info")
                return 200, {"DockerRootDir": "/var/lib/docker"}
            case ["containers", *rest]:
                return self._found_of_containers(rest, query)
            case ["images", *rest]:
                return self._found_of_images(rest)
        raise _Refused(404, "page not found")

    def _found_of_containers(self, path: list[str], query: dict[str, str]) -> tuple[int, Any]:
        match self.command, *path:
            case "GET", "json":
                self._note("list")
                return 200, self._containers(json.loads(query.get("filters", "{}")))
            case "GET", name, "json":
                self._note("inspect")
                return 200, self._container(name)
            case "GET", name, "archive":
                self._note("archive")
                return 200, self._file(name)
            case "POST", name, verb:
                self._note(verb)
                self._container(name)
                return 204, None
            case "DELETE", name:
                self._note(f"rm {name}")
                return 204, None
        raise _Refused(404, "page not found")

    def _found_of_images(self, path: list[str]) -> tuple[int, Any]:
        images = self._engine.images
        match self.command, *path:
            case "GET", "json":
                self._note("images")
                return 200, [_image(name, identity) for name, identity in images.items()]
            case "GET", *name, "json":
                self._note("inspect image")
                return 200, {"Id": images["/".join(name)], "Config": {"Entrypoint": ["/init"], "Cmd": None}}
            case "DELETE", *name:
                self._note("rmi")
                del images["/".join(name)]
                self._engine.images = images
                return 200, []
        raise _Refused(404, "page not found")

    def _note(self, request: str) -> None:
        self._engine.requests.append(request)
        if request in self._engine.refuses:
            raise _Refused(*self._engine.refuses[request])

    def _container(self, name: str) -> dict[str, Any]:
        node = self._engine.node
        if node is None or node["Name"] != f"/{name}":
            raise _Refused(404, f"No such container: {name}")
        return node

    def _containers(self, filters: dict[str, list[str]]) -> list[dict[str, Any]]:
        node = self._engine.node
        if node is None:
            return [{"Names": ["/late"], "Labels": {}}] if (self._engine.state / "listed").exists() else []
        ports = {binding["HostPort"] for each in node["HostConfig"]["PortBindings"].values() for binding in each}
        if not ports.issuperset(filters.get("publish", ())):
            return []
        return [{"Names": [node["Name"]], "Labels": node["Config"]["Labels"]}]

    def _file(self, name: str) -> bytes:
        self._container(name)
        try:
            return (self._engine.state / "configuration.tar").read_bytes()
        except FileNotFoundError:
            raise _Refused(404, f"Could not find the file /kind/kubeadm.conf in container {name}") from None


def _image(name: str, identity: str) -> dict[str, Any]:
    return {"Id": identity, "RepoTags": [name], "RepoDigests": None}
