"""Ports of a stack: bound before the programs start, since URLs, redirect URIs and the issuer name them.

Everything is ``http://localhost:PORT`` and listens on 127.0.0.1. The same port of ``::1`` is held, without
listening: a client that tries ``::1`` first is refused at once and goes on to 127.0.0.1, and no other
program can sit there and answer in our place.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

from pytest_plexdev.errors import PORT_TAKEN, PlexdevError
from pytest_plexdev.stack.processes import ANOTHER_STACK, describe

_Socket: TypeAlias = socket.socket

_BACKLOG: Final = 2048
_LISTENING: Final = "0A"
"""TCP_LISTEN in ``/proc/net/tcp``."""


@dataclass(frozen=True)
class HeldPort:
    """A port of localhost that is ours."""

    number: int
    socket: _Socket
    _beside: tuple[_Socket, ...] = field(default=(), repr=False)

    def listen(self) -> None:
        """Accept connections into the queue, for a program that inherits the socket."""
        self.socket.listen(_BACKLOG)

    def hand_over(self) -> None:
        """Forget the socket, once its program has it: if that ends, clients are refused and do not queue for ever."""
        self.socket.close()

    def release(self) -> None:
        for held in (self.socket, *self._beside):
            held.close()


def reserve(port: int = 0, *, purpose: str) -> HeldPort:
    """Hold a port, for a program that binds by itself or for a socket that is going to listen. 0: the kernel chooses.

    It is bound with ``SO_REUSEADDR`` and does not listen: Linux lets a second socket with ``SO_REUSEADDR``
    (every server's habit) bind there, and gives the port to nobody who did not ask for it by number.

    Raises:
        PlexdevError: ``port-taken``, with the holder's name and pid.
    """
    attempts = 1 if port else 20
    for _ in range(attempts):
        main = _bind(socket.AF_INET, "127.0.0.1", port)
        if main is None:
            break
        number: int = main.getsockname()[1]
        if not socket.has_ipv6:
            return HeldPort(number, main)
        try:
            beside = _bind(socket.AF_INET6, "::1", number)
        except OSError:
            return HeldPort(number, main)  # The machine has no ::1 then, so nobody can be there.
        if beside is not None:
            return HeldPort(number, main, (beside,))
        main.close()
    taken_by = holder(port)
    raise PlexdevError(PORT_TAKEN, port=port, purpose=purpose, holder=taken_by, stop=_how_to_stop(taken_by, port))


def _bind(family: socket.AddressFamily, host: str, port: int) -> socket.socket | None:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRINUSE:
            return None
        raise
    return sock


def holder(port: int) -> str:
    """Who listens on a port of this machine: ``nginx (pid 812)``, or that it cannot be seen."""
    inodes = _listening_inodes(port)
    for pid in sorted(int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()):
        if inodes & _socket_inodes(pid):
            return describe(pid)
    return "a process that this user cannot see" if inodes else "a process that holds it without listening"


def _how_to_stop(taken_by: str, port: int) -> str:
    """What to type: neither a program of a stack nor Docker's proxy of a container is what a person stops."""
    if taken_by.startswith(ANOTHER_STACK):
        return "plexdev down"
    if "docker" in taken_by:
        return f"docker stop $(docker ps -q --filter publish={port}), or of a cluster of plexdev's: plexdev down"
    return f"stop {taken_by}"


def _listening_inodes(port: int) -> set[str]:
    wanted = f":{port:04X}"
    found: set[str] = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            rows = [line.split() for line in Path(table).read_text().splitlines()[1:]]
        except OSError:
            continue
        found |= {row[9] for row in rows if row[1].endswith(wanted) and row[3] == _LISTENING}
    return found


def _socket_inodes(pid: int) -> set[str]:
    descriptors = f"/proc/{pid}/fd"
    inodes: set[str] = set()
    # A process of another user, or one that has just ended, does not let itself be looked at.
    with contextlib.suppress(OSError):
        for name in os.listdir(descriptors):  # noqa: PTH208 (a Path per descriptor of the machine is slow)
            target = os.readlink(f"{descriptors}/{name}")  # noqa: PTH115
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
    return inodes
