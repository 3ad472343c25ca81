"""Relay the connections of one server, and deliver what it sends some time later than it does.

asyncio's streams are enough. Toxiproxy, the usual tool, is a program that each user would have to install, and it could
not listen at the sockets that the supervisor holds.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_CHUNK_BYTES: Final = 64 * 1024
_MOST_PENDING: Final = 256
"""How many chunks wait for their time in one direction; a faster sender is not read until one is delivered."""


@dataclass(frozen=True)
class Route:
    """From a listening socket to the server.

    Attributes:
        listener: Where clients connect. The relay closes it.
        target: The port of 127.0.0.1, or the Unix socket, at which the server listens.
    """

    listener: socket.socket
    target: int | Path


class Relay:
    """The relay of one server, from :meth:`serve` to :meth:`close`.

    Args:
        delay_s: How much later each chunk that the server sends is delivered, in seconds. What clients send is not
            delayed, so one round trip takes this much longer. The order and the pauses between chunks stay the same.
    """

    def __init__(self, routes: Iterable[Route], *, delay_s: float) -> None:
        self._routes = tuple(routes)
        self._delay_s = delay_s
        self._tasks: set[asyncio.Task[None]] = set()

    def serve(self) -> None:
        """Accept connections, inside the running loop."""
        for route in self._routes:
            route.listener.settimeout(0)
            self._start(self._accept(route))

    def close(self) -> None:
        """Refuse new connections, inside the running loop, and end the others."""
        for task in self._tasks:
            task.cancel()
        for route in self._routes:
            # Before its number is used again: the accepting task ends later.
            asyncio.get_running_loop().remove_reader(route.listener)
            if route.listener.family == socket.AF_UNIX:
                Path(route.listener.getsockname()).unlink(missing_ok=True)
            route.listener.close()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self, route: Route) -> None:
        loop = asyncio.get_running_loop()
        while True:
            connection, _ = await loop.sock_accept(route.listener)
            self._start(self._relay(connection, route.target))

    async def _relay(self, connection: socket.socket, target: int | Path) -> None:
        reader, writer = await asyncio.open_connection(sock=connection)
        try:
            # A connection that breaks ends both directions; the client sees that it was closed.
            with contextlib.suppress(OSError):
                server_reader, server_writer = await _connect(target)
                try:
                    await _both(
                        _pass_on(reader, server_writer, delay_s=0),
                        _pass_on(server_reader, writer, delay_s=self._delay_s),
                    )
                finally:
                    server_writer.close()
        finally:
            writer.close()


async def _connect(target: int | Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if isinstance(target, Path):
        return await asyncio.open_unix_connection(target)
    return await asyncio.open_connection("127.0.0.1", target)


async def _both(*directions: Coroutine[Any, Any, None]) -> None:
    try:
        async with asyncio.TaskGroup() as tasks:
            for direction in directions:
                tasks.create_task(direction)
    except* OSError as broken:
        raise ConnectionError(str(broken.exceptions[0])) from None


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, delay_s: float) -> None:
    """Deliver what is read, *delay_s* seconds after it was read, to its end."""
    loop = asyncio.get_running_loop()
    pending: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_MOST_PENDING)

    async def read() -> None:
        chunk = b"first"
        while chunk:
            chunk = await reader.read(_CHUNK_BYTES)
            await pending.put((loop.time() + delay_s, chunk))

    async def deliver() -> None:
        while True:
            due, chunk = await pending.get()
            await asyncio.sleep(due - loop.time())
            if not chunk:
                writer.write_eof()
                return
            writer.write(chunk)
            await writer.drain()

    await _both(read(), deliver())
