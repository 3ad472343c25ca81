"""A minimal API server with LIST and WATCH that, on demand, cuts a watch, expires a version, is slow or adds a kind.

``tests/e2e/test_watch.py`` has the same scenarios on a real one.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pytest_plexdev.kube import Access
from pytest_plexdev.readiness.object_ref import RESOURCES


class FakeApi:
    """Serves on loopback while entered.

    Attributes:
        lists: The number of LIST requests per path.
        watched_from: The resource versions from which each path was watched.
        forgotten: The server answers 410 for versions up to this one.
        unserved: Paths for which the server answers 404.
        forbidden: Paths that can be listed, but not watched.
        refused: Paths that can be neither listed nor watched.
        answers: Status and body by path: the answers of Pods through the proxy.
        delay: The duration of a LIST, in seconds.
    """

    def __init__(self) -> None:
        self.lists: Counter[str] = Counter()
        self.watched_from: dict[str, list[int]] = defaultdict(list)
        self.forgotten = 0
        self.unserved: set[str] = set()
        self.forbidden: set[str] = set()
        self.refused: set[str] = set()
        self.answers: dict[str, tuple[int, bytes]] = {}
        self.delay = 0.0
        self._version = 1
        self._history: dict[str, list[tuple[int, str, dict[str, Any]]]] = defaultdict(list)
        self._objects: dict[str, dict[tuple[str | None, str], dict[str, Any]]] = defaultdict(dict)
        self._open: dict[asyncio.StreamWriter, str] = {}
        self._connections: set[asyncio.StreamWriter] = set()
        self._watched = asyncio.Event()

    async def __aenter__(self) -> FakeApi:
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
        # The loop closes an aborted connection in its next iteration.
        await asyncio.sleep(0.01)

    async def watched(self) -> None:
        """Wait until a client watches."""
        await self._watched.wait()

    @property
    def access(self) -> Access:
        return Access(context="fake", kubeconfig=Path("fake"), server=f"http://127.0.0.1:{self.port}")

    async def stop(self) -> None:
        """Stop listening, and close all connections."""
        self._server.close()
        self.cut()
        for writer in self._connections:
            writer.transport.abort()
        self._connections.clear()

    async def start_again(self) -> None:
        """Start again at the same port."""
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", self.port)

    def put(self, item: dict[str, Any]) -> None:
        """Create or change an object."""
        key = _key(item)
        kind = "MODIFIED" if key in self._objects[_paths(item)[0]] else "ADDED"
        self._publish(kind, item)
        for path in _paths(item):
            self._objects[path][key] = item

    def remove(self, item: dict[str, Any]) -> None:
        for path in _paths(item):
            del self._objects[path][_key(item)]
        self._publish("DELETED", item)

    def bookmark(self, path: str) -> None:
        """Send a bookmark to the watches of a path."""
        self._version += 1
        self._send(path, "BOOKMARK", {"kind": "?", "metadata": {"resourceVersion": str(self._version)}})

    def cut(self) -> None:
        """Close every watch in the middle of a chunk."""
        for writer in list(self._open):
            with contextlib.suppress(Exception):
                writer.write(b"ff\r\n{")
                writer.transport.abort()
        self._open.clear()

    def end_with(self, status: dict[str, Any]) -> None:
        """Send an error to every watch."""
        for path in set(self._open.values()):
            self._send(path, "ERROR", status)

    def _publish(self, kind: str, item: dict[str, Any]) -> None:
        self._version += 1
        item["metadata"]["resourceVersion"] = str(self._version)
        copied = json.loads(json.dumps(item))
        for path in _paths(item):
            self._history[path].append((self._version, kind, copied))
            self._send(path, kind, copied)

    def _send(self, path: str, kind: str, item: dict[str, Any]) -> None:
        for writer, watched in list(self._open.items()):
            if watched == path:
                _chunk(writer, {"type": kind, "object": item})

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                url = urlsplit(head.split()[1])
                query = {name: values[0] for name, values in parse_qs(url.query).items()}
                if url.path in self.answers:
                    _reply(writer, *self.answers[url.path])
                elif url.path in self.unserved:
                    _reply(writer, 404, {"kind": "Status", "code": 404})
                elif url.path in self.refused or ("watch" in query and url.path in self.forbidden):
                    _reply(writer, 403, {"kind": "Status", "code": 403, "message": "pods is forbidden"})
                elif "watch" in query:
                    self._watch(writer, url.path, int(query["resourceVersion"]))
                else:
                    await self._list(writer, url.path)

    async def _list(self, writer: asyncio.StreamWriter, path: str) -> None:
        self.lists[path] += 1
        await asyncio.sleep(self.delay)
        items = list(self._objects[path].values())
        _reply(writer, 200, {"metadata": {"resourceVersion": str(self._version)}, "items": items or None})

    def _watch(self, writer: asyncio.StreamWriter, path: str, version: int) -> None:
        self.watched_from[path].append(version)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        if version <= self.forgotten:
            _chunk(writer, {"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired"}})
            writer.write(b"0\r\n\r\n")
            return
        for at, kind, item in self._history[path]:
            if at > version:
                _chunk(writer, {"type": kind, "object": item})
        self._open[writer] = path
        self._watched.set()


def _paths(item: dict[str, Any]) -> list[str]:
    """The paths that list an object: of its namespace, and of all namespaces."""
    resource = RESOURCES[item["kind"]]
    return list(dict.fromkeys([resource.path(item["metadata"].get("namespace")), resource.path()]))


def _key(item: dict[str, Any]) -> tuple[str | None, str]:
    return item["metadata"].get("namespace"), item["metadata"]["name"]


def _chunk(writer: asyncio.StreamWriter, value: dict[str, Any]) -> None:
    line = json.dumps(value).encode() + b"\n"
    # In two chunks: a reader must not assume that a chunk is a whole line.
    for piece in (line[:7], line[7:]):
        writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")


def _reply(writer: asyncio.StreamWriter, status: int, value: dict[str, Any] | bytes) -> None:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    writer.write(
        f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    )
    writer.write(body)
