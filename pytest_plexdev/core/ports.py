"""Reserve a stack's ports before its programs start, because URLs, redirect URIs and the issuer contain them.

Everything is ``http://localhost:PORT`` and listens on 127.0.0.1. The same port of ``::1`` is held, without
listening: a client that tries ``::1`` first is refused at once and goes on to 127.0.0.1, and no other
program can sit there and answer in our place, whoever started it: :func:`hold_beside` says what keeps it out.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from pytest_plexdev.core.port_holder import PortHolder, holder_of
from pytest_plexdev.errors import PORT_FORBIDDEN, PORT_TAKEN, PlexdevError
from pytest_plexdev.errors.system import LOOPBACK_DOWN

_Socket: TypeAlias = socket.socket

_BACKLOG: Final = 2048
_DISCARD: Final = 9
_SAME_ADDRESSES: Final = "a warm stack's are those of the product's dev stack, so that addresses stay the same"
_MEANWHILE: Final = "another program took this one in the moment between"
_AGAIN: Final = "run it again: every bring-up takes other ports"
OTHER_PORTS: Final = "take other ports, which are free: plexdev up --port 0 --idp-port 0"


@dataclass(frozen=True)
class HeldPort:
    """A port of localhost that is ours.

    Attributes:
        purpose: What listens there, in words.
        instead: What to do where a program of somebody else listens there by now, who cannot be asked to go.
    """

    number: int
    socket: _Socket
    purpose: str
    instead: str
    _beside: tuple[_Socket, ...] = field(default=(), repr=False)

    def listen(self) -> None:
        """Accept connections into the queue, for a program that inherits the socket.

        Raises:
            PlexdevError: ``port-taken``: somebody else has come to listen here.
        """
        try:
            self.socket.listen(_BACKLOG)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            raise self.taken() from None

    def taken(self, *, detail: str = "") -> PlexdevError:
        """The error where somebody else listens here, who came after the port was held: ``port-taken``.

        Args:
            detail: What the program that should listen said.
        """
        holder = holder_of(self.number)
        return port_taken(
            self.number, holder, purpose=self.purpose, instead=self.instead, why=_MEANWHILE, detail=detail
        )

    def hand_over(self) -> None:
        """Forget the socket, once its program has it: if that ends, clients are refused and do not queue for ever."""
        self.socket.close()

    def release(self) -> None:
        for held in (self.socket, *self._beside):
            held.close()


def reserve(port: int = 0, *, purpose: str, instead: str = OTHER_PORTS) -> HeldPort:
    """Hold a port, for a program that binds by itself or for a socket that is going to listen. 0: the kernel chooses.

    127.0.0.1 is bound with ``SO_REUSEADDR`` and does not listen: Linux lets a second socket with ``SO_REUSEADDR``
    (every server's habit) bind there, and gives the port to nobody who did not ask for it by number. ``::1`` nobody
    else binds as long as it is held.

    Args:
        purpose: What listens there, in words.
        instead: What to do where somebody has it who cannot be asked to go.

    Raises:
        PlexdevError: ``port-taken``, with the holder's name and pid; ``port-forbidden``: of a port below 1024, say.
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
            return HeldPort(number, main, purpose, later)  # The machine has no ::1 then, so nobody can be there.
        return HeldPort(number, main, purpose, later, (beside,))
    raise port_taken(port, holder_of(port), purpose=purpose, instead=instead)


def port_taken(
    port: int, holder: PortHolder, *, purpose: str, instead: str, why: str = _SAME_ADDRESSES, detail: str = ""
) -> PlexdevError:
    """The error for a port that *holder* has."""
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
    """Refuse a machine on which 127.0.0.1 leads nowhere: a network namespace whose ``lo`` is down still binds there.

    Raises:
        PlexdevError: ``loopback-down``.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("127.0.0.1", _DISCARD))  # for datagrams that only looks for a route
        except OSError as error:
            raise PlexdevError(LOOPBACK_DOWN, reason=error.strerror or str(error)) from error


def hold_beside(port: int) -> socket.socket:
    """Keep everybody else from ``::1`` at *port*, for as long as the socket is open; it never listens.

    It shares the address with nobody. With ``SO_REUSEADDR`` on both sides Linux would let a program of any user bind
    there, or to ``::``, and listen: the kernel asks no more than that. ``SO_REUSEPORT`` on one side alone changes
    nothing.

    Raises:
        OSError: ``EADDRINUSE``: somebody is there, listening or not; else the machine has no ``::1``.
    """
    with contextlib.suppress(OSError):
        return _bind_beside(port, past_connections=False)
    # What is left of connections of an earlier server (TIME_WAIT) keeps the address for a minute from who does not
    # share it. Once bound it is shared no more: of those who got there meanwhile none may listen then.
    return _bind_beside(port, past_connections=True)


def hold_beside_all(ports: Iterable[int]) -> list[socket.socket]:
    """:func:`hold_beside` for each of *ports* where that can be had: what dials 127.0.0.1 does not depend on it."""
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
    """What to type: the command that ends a stack of this user's; nothing that would end somebody else's program."""
    return f"{holder.stop}; or {instead}" if holder.stop else instead
