"""Reserve a stack's ports before its programs start, because URLs, redirect URIs and the issuer contain them.

Everything is ``http://localhost:PORT`` and listens on 127.0.0.1. The same port of ``::1`` is bound without listening: a
client that tries ``::1`` first is refused at once and falls back to 127.0.0.1, and no other program can answer there.
:func:`hold_beside` has the details.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from pytest_plexdev.core.port_holder import PortHolder, holder_of
from pytest_plexdev.errors import PORT_FORBIDDEN, PORT_TAKEN, PlexdevError
from pytest_plexdev.errors.system import LOOPBACK_DOWN

_Socket: TypeAlias = socket.socket

_BACKLOG: Final = 2048
_DISCARD: Final = 9
_SAME_ADDRESSES: Final = "a warm stack uses the ports of the product's dev stack, so that its addresses stay the same"
_MEANWHILE: Final = "another program started to use this port in between"
_AGAIN: Final = "run it again: every bring-up chooses other ports"
OTHER_PORTS: Final = "use free ports: plexdev up --port 0 --idp-port 0"


@dataclass(frozen=True)
class HeldPort:
    """A port of localhost that this process holds.

    Attributes:
        purpose: The server that listens there, as printed.
        instead: The fix if another user's program listens there by now.
    """

    number: int
    socket: _Socket
    purpose: str
    instead: str
    _beside: tuple[_Socket, ...] = field(default=(), repr=False)

    def listen(self) -> None:
        """Accept connections into the queue, for a program that inherits the socket.

        Raises:
            PlexdevError: ``port-taken``: another program has started to listen here.
        """
        try:
            self.socket.listen(_BACKLOG)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            raise self.taken() from None

    def taken(self, *, detail: str = "") -> PlexdevError:
        """Build the error ``port-taken`` for a program that started to listen after the port was bound.

        Args:
            detail: The output of the program that should listen.
        """
        holder = holder_of(self.number)
        return port_taken(
            self.number, holder, purpose=self.purpose, instead=self.instead, why=_MEANWHILE, detail=detail
        )

    def hand_over(self) -> None:
        """Close the socket that a program has inherited: if the program ends, clients are refused and do not hang."""
        self.socket.close()

    def hold_again(self) -> HeldPort:
        """Bind the port again after :meth:`hand_over`, once the program that inherited the socket has ended.

        Raises:
            PlexdevError: ``port-taken``: another program uses it by now.
        """
        main = _bind("127.0.0.1", self.number)
        if main is None:
            raise self.taken()
        return replace(self, socket=main)

    def release(self) -> None:
        for held in (self.socket, *self._beside):
            held.close()


def reserve(port: int = 0, *, purpose: str, instead: str = OTHER_PORTS) -> HeldPort:
    """Reserve a port, for a program that binds it later or for a socket that will listen. 0: the kernel chooses.

    127.0.0.1 is bound with ``SO_REUSEADDR`` and does not listen. Linux lets a second socket with ``SO_REUSEADDR`` bind
    it too, as servers do, and never chooses this port for another program. No other program can bind ``::1``.

    Args:
        purpose: The server that will listen there, as printed.
        instead: The fix if another user's program uses the port.

    Raises:
        PlexdevError: ``port-taken``, with the holder's name and pid; ``port-forbidden``, below 1024 for example.
    """
    attempts = 1 if port else 20
    later = instead if port else _AGAIN
    for _ in range(attempts):
        try:
            main = _bind("127.0.0.1", port)
        except PermissionError as error:
            raise PlexdevError(PORT_FORBIDDEN, port=port, purpose=purpose, reason=error.strerror) from None
        if main is None:
            break
        number: int = main.getsockname()[1]
        try:
            beside = hold_beside(number)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                main.close()
                continue
            return HeldPort(number, main, purpose, later)  # The machine has no ::1.
        return HeldPort(number, main, purpose, later, (beside,))
    raise port_taken(port, holder_of(port), purpose=purpose, instead=instead)


def port_taken(
    port: int, holder: PortHolder, *, purpose: str, instead: str, why: str = _SAME_ADDRESSES, detail: str = ""
) -> PlexdevError:
    """Build the error for a port that *holder* uses."""
    return PlexdevError(
        PORT_TAKEN,
        detail=detail,
        port=port,
        purpose=purpose,
        holder=holder.words,
        why=why,
        stop=_advice(holder, instead),
        instead=instead,
    )


def require_loopback() -> None:
    """Check that 127.0.0.1 works. A network namespace whose ``lo`` is down still lets programs bind it.

    Raises:
        PlexdevError: ``loopback-down``.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("127.0.0.1", _DISCARD))  # a datagram socket only looks up the route
        except OSError as error:
            raise PlexdevError(LOOPBACK_DOWN, reason=error.strerror or str(error)) from error


def hold_beside(port: int) -> socket.socket:
    """Prevent other programs from binding *port* on ``::1`` while the socket is open. It never listens.

    The address is bound exclusively. With ``SO_REUSEADDR`` on both sockets, Linux would let a program of any user bind
    ``::1`` or ``::`` and listen. ``SO_REUSEPORT`` on one socket alone changes nothing.

    Raises:
        OSError: ``EADDRINUSE``: another program has bound it; otherwise the machine has no ``::1``.
    """
    with contextlib.suppress(OSError):
        return _bind_beside(port, past_connections=False)
    # Connections of an earlier server in TIME_WAIT block an exclusive bind for a minute. Bind shared, then make the
    # socket exclusive: a program that bound the address in between cannot listen any more.
    return _bind_beside(port, past_connections=True)


def hold_beside_all(ports: Iterable[int]) -> list[socket.socket]:
    """Call :func:`hold_beside` for each port and ignore failures: clients of 127.0.0.1 do not depend on it."""
    held = []
    for port in ports:
        with contextlib.suppress(OSError):
            held.append(hold_beside(port))
    return held


def _bind_beside(port: int, *, past_connections: bool) -> socket.socket:
    sock = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(past_connections))
        sock.bind(("::1", port))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        if past_connections and _listens_beside(port):
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
    except OSError:
        sock.close()
        raise
    return sock


def _listens_beside(port: int) -> bool:
    with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(("::1", port)) == 0


def _bind(host: str, port: int) -> socket.socket | None:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRINUSE:
            return None
        raise
    return sock


def _advice(holder: PortHolder, instead: str) -> str:
    """The fix: the command that stops a stack of this user, else only *instead*."""
    return f"{holder.stop}; or {instead}" if holder.stop else instead
