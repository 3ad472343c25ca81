"""Verify that the listener on a server's port is that server, before anything is sent to it.

A port is chosen before its server binds it, so a program of any user could bind it first and impersonate the server.
The proof is that the server, or another descendant of the supervisor, has the listening socket open. If the sockets of
the server cannot be read (Postgres as ``nobody`` in a container without ``CAP_SYS_PTRACE``), or the system does not
expose them, it is enough that the socket belongs to the server's user.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable, Iterable
from typing import Final, Literal, TypeAlias

from pytest_plexdev.core.listening_sockets import LOOPBACK, Listener, listeners, socket_inodes
from pytest_plexdev.core.port_reservation import HeldPort
from pytest_plexdev.stack.embedded.probes import Probe, accepts, until_ready
from pytest_plexdev.stack.embedded.processes.child import Child, descendants

Owner: TypeAlias = Literal["server", "user", "unknown", "other"]
"""The owner of a listening socket. ``user``: a process of the server's user; ``unknown``: the system does not expose
owners; ``other``: another process than the server."""

_RETRY_INTERVAL_S: Final = 0.004


async def until_own_port_ready(port: HeldPort, child: Child, probe: Probe, warn: Callable[[str], None]) -> str:
    """Wait until *child* listens on *port*, then until *probe* succeeds. Returns its result. The caller has a deadline.

    Args:
        warn: Called with a message if the process that listens cannot be identified.

    Raises:
        PlexdevError: ``port-taken``: another process listens; nothing was sent to it.
    """
    owner = await wait_for_listener(port.number, child)
    if owner == "other":
        raise port.taken()
    if owner != "server":
        known = "its socket belongs to the right user" if owner == "user" else "nor to which user it belongs"
        warn(f"this system does not show which process listens at 127.0.0.1:{port.number}; {known}")
    return await until_ready(probe)


async def wait_for_listener(port: int, child: Child) -> Owner:
    """Wait until a process listens on *port* of 127.0.0.1, without sending anything. The caller has a deadline."""
    is_accepting = False
    while True:
        if owner := listener_of(port, child):
            return owner
        if is_accepting:
            if not _exposes_socket_owners():
                return "unknown"
            await asyncio.sleep(_RETRY_INTERVAL_S)
        # Connecting until it is accepted is a hundred times cheaper than searching for the owner.
        await until_ready(accepts(port))
        is_accepting = True


def listener_of(port: int, child: Child) -> Owner | None:
    """Determine who listens on *port* of 127.0.0.1 now; ``None``: no process, or the system does not expose it."""
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
        return None  # the owner ended during the search
    is_exposed = _can_read_sockets(child) and _exposes_socket_owners()
    if not is_exposed and all(each.uid == child.user for each in found):
        return "user"
    return "other"


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


def _can_read_sockets(child: Child) -> bool:
    try:
        socket_inodes(child.pid)
    except PermissionError:
        return False
    except OSError:  # it has ended
        return True
    return True


def _exposes_socket_owners() -> bool:
    """Whether this system exposes the owners of sockets, tested with a socket of this process. A sandbox may not."""
    with socket.create_server(("127.0.0.1", 0)) as listener, contextlib.suppress(OSError):
        own = socket_inodes(os.getpid())
        return any(each.inode in own for each in listeners(listener.getsockname()[1]))
    return False
