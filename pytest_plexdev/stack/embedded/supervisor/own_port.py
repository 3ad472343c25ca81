"""Prove that the listener at a server's port is that server, before anything is sent to it.

A port is chosen before its server starts and binds, and a program of any user that binds it in that moment could answer
in the server's place. The proof is the listening socket itself: one that the server, or another descendant of the
supervisor, has open. Of a server that does not show its sockets (Postgres as ``nobody``, in a container without
``CAP_SYS_PTRACE``) and on a system that does not say which they are, the socket's user has to be the server's.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable, Iterable
from typing import Final, Literal, TypeAlias

from pytest_plexdev.core.listeners import LOOPBACK, Listener, listeners, socket_inodes
from pytest_plexdev.core.ports import HeldPort
from pytest_plexdev.stack.embedded.probes import Probe, accepts, until_ready
from pytest_plexdev.stack.embedded.processes.child import Child, descendants

Owner: TypeAlias = Literal["server", "user", "unknown", "stranger"]
"""Who has a port, as far as it is known. ``user``: some process of the server's user; ``unknown``: the system tells
nothing of somebody who is there."""

_PAUSE_S: Final = 0.004


async def until_itself_ready(port: HeldPort, child: Child, probe: Probe, doubt: Callable[[str], None]) -> str:
    """Wait until *child* listens at *port*, and then for the answer of *probe*; the caller has a deadline.

    Args:
        doubt: Told what is not known of the one who listens, in words.

    Raises:
        PlexdevError: ``port-taken``: somebody else listens; nothing was said to him.
    """
    owner = await owner_once_listening(port.number, child)
    if owner == "stranger":
        raise port.taken()
    if owner != "server":
        known = "its socket belongs to the right user" if owner == "user" else "nor to which user it belongs"
        doubt(f"this system does not show which process listens at 127.0.0.1:{port.number}; {known}")
    return await until_ready(probe)


async def owner_once_listening(port: int, child: Child) -> Owner:
    """Wait until somebody listens at *port* of 127.0.0.1; say who. Nothing is sent there; the caller has a deadline."""
    has_answered = False
    while True:
        if owner := owner_of(port, child):
            return owner
        if has_answered:
            if not _tells_of_sockets():
                return "unknown"
            await asyncio.sleep(_PAUSE_S)
        # A connection is refused at a hundredth of what a look costs.
        await until_ready(accepts(port))
        has_answered = True


def owner_of(port: int, child: Child) -> Owner | None:
    """Who listens at *port* of 127.0.0.1 now; ``None``: nobody, or it is not told."""
    found = _listeners(port)
    if not found:
        return None
    inodes = {each.inode for each in found}
    with contextlib.suppress(OSError):
        if inodes <= socket_inodes(child.pid):
            return "server"
    if inodes <= _inodes_of_all(descendants()):
        return "server"
    if {each.inode for each in _listeners(port)} != inodes:
        return None  # it ended while its sockets were looked for
    is_shown = _shows_sockets(child) and _tells_of_sockets()
    if not is_shown and all(each.uid == child.user for each in found):
        return "user"
    return "stranger"


def _listeners(port: int) -> list[Listener]:
    try:
        return [each for each in listeners(port) if each.address in LOOPBACK]
    except OSError:
        return []


def _inodes_of_all(pids: Iterable[int]) -> set[int]:
    inodes: set[int] = set()
    for pid in pids:
        with contextlib.suppress(OSError):
            inodes |= socket_inodes(pid)
    return inodes


def _shows_sockets(child: Child) -> bool:
    try:
        socket_inodes(child.pid)
    except PermissionError:
        return False
    except OSError:  # it has ended
        return True
    return True


def _tells_of_sockets() -> bool:
    """Whether this system says of a socket who has it: a sandbox may leave that out."""
    with socket.create_server(("127.0.0.1", 0)) as known, contextlib.suppress(OSError):
        own = socket_inodes(os.getpid())
        return any(each.inode in own for each in listeners(known.getsockname()[1]))
    return False
