"""The Unix socket at which the supervisor takes changes of the running stack from commands of this user.

It is in the stack's directory, which no other user can enter. A command sends one line with a :class:`Change` and reads
messages of :mod:`~pytest_plexdev.stack.embedded.supervisor.protocol` until the change is made or has failed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Final, TypeAlias

from pytest_plexdev.stack.embedded.removal import CONTROL
from pytest_plexdev.stack.embedded.supervisor.protocol import Change, Requester

MakeChange: TypeAlias = Callable[[Change, Requester], Coroutine[None, None, None]]

_MAX_BYTES: Final = 64 * 1024
"""Of a request."""


@contextlib.contextmanager
def socket_path(directory: Path) -> Iterator[str]:
    """Yield a path of the socket in *directory* that is short enough for an address, which has at most 107 bytes."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/{CONTROL}"
    finally:
        os.close(descriptor)


class ControlSocket:
    """The listening socket, and the changes that are being made.

    Args:
        directory: The stack's directory.
        make: Makes a change and reports to its requester.
    """

    def __init__(self, directory: Path, make: MakeChange) -> None:
        self._directory = directory
        self._make = make
        self._listener: socket.socket | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def open(self) -> None:
        """Listen, inside the running loop."""
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.settimeout(0)
        with socket_path(self._directory) as path:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)  # noqa: PTH108 - of a descriptor
            listener.bind(path)
        listener.listen()
        self._listener = listener
        self._start(self._accept(listener))

    async def close(self) -> None:
        """Stop listening, and cancel the changes that are being made."""
        if self._listener is not None:
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(self._tasks)
            self._listener.close()

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            connection, _ = await loop.sock_accept(listener)
            self._start(self._answer(connection))

    async def _answer(self, connection: socket.socket) -> None:
        with connection:
            received = b""
            while not received.endswith(b"\n") and len(received) < _MAX_BYTES:
                more = await asyncio.get_running_loop().sock_recv(connection, _MAX_BYTES)
                if not more:
                    return
                received += more
            # A message is written at once or, to a command that reads nothing, not at all.
            await self._make(Change.decode(received), Requester(connection.fileno()))
