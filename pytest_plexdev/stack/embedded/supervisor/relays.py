"""The relays of a stack that one test has to itself: which servers listen behind one, and where.

A server behind a relay listens at a port, or a Unix socket, that no client knows; the relay has its own one.
"""

from __future__ import annotations

import socket
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_plexdev.core.port_reservation import HeldPort, reserve
from pytest_plexdev.stack.embedded.addresses import ServerAddresses
from pytest_plexdev.stack.embedded.servers import control_plane
from pytest_plexdev.stack.embedded.supervisor.relay import Relay, Route

if TYPE_CHECKING:
    from pytest_plexdev.stack.embedded.supervisor.plan import Plan

_BACKLOG: Final = 2048
_HIDDEN_SIGNER: Final = "behind-relay"


class Relays:
    """The delays that are in force, and the relays that run."""

    def __init__(self) -> None:
        self._delays: dict[str, float] = {}
        self._relays: dict[str, Relay] = {}
        self._inner: dict[str, HeldPort] = {}

    def set_delay(self, names: Collection[str], seconds: float) -> None:
        """Delay what these servers send from their next start on; 0: no longer."""
        for name in names:
            self._delays.pop(name, None)
            if seconds:
                self._delays[name] = seconds

    def delayed(self) -> Collection[str]:
        """The servers that are delayed, or will be from their next start on."""
        return self._delays.keys()

    def close(self, *names: str) -> None:
        """Close the relays of servers that have ended, by default all: clients are refused."""
        for name in names or tuple(self._relays):
            if (relay := self._relays.pop(name, None)) is not None:
                relay.close()
            if (inner := self._inner.pop(name, None)) is not None:
                inner.release()

    def prepare(self, names: Collection[str], plan: Plan) -> dict[str, ServerAddresses]:
        """Listen for the servers of *names* that are delayed; their clients wait until :meth:`serve`.

        Returns:
            The addresses of the stack as each of these servers sees them: with the hidden one as its own.

        Raises:
            PlexdevError: ``port-taken``.
        """
        views = {}
        for name in names:
            if name in self._delays:
                inner = self._inner[name] = reserve(purpose=name)
                if name == control_plane.API or (name == "dex" and plan.dex is None):
                    inner.listen()
                views[name] = view = _view(plan.addresses, name, inner)
                self._relays[name] = Relay(_routes(plan.addresses, view, name, inner), delay_s=self._delays[name])
        return views

    def serve(self, name: str) -> None:
        """Relay the connections of a server that is ready, if it is delayed."""
        if name in self._relays:
            self._relays[name].serve()


def _view(addresses: ServerAddresses, name: str, inner: HeldPort) -> ServerAddresses:
    match name:
        case control_plane.API:
            return replace(addresses, api=inner, public_api_port=addresses.api.number)
        case "dex":
            return replace(addresses, idp=inner, public_idp_port=addresses.idp.number)
        case "postgres":
            return replace(addresses, postgres=inner)
        case "nats":
            return replace(addresses, nats=inner)
        case "spicedb":
            return replace(addresses, spicedb=inner)
        case control_plane.SIGNER:
            return replace(addresses, signer_socket_name=_HIDDEN_SIGNER)
    further = addresses.further
    return replace(addresses, further={**further, name: (inner, *further[name][1:])})


def _routes(addresses: ServerAddresses, view: ServerAddresses, name: str, inner: HeldPort) -> Iterator[Route]:
    own = {
        control_plane.API: addresses.api,
        "dex": addresses.idp,
        "postgres": addresses.postgres,
        "nats": addresses.nats,
        "spicedb": addresses.spicedb,
        **{each: ports[0] for each, ports in addresses.further.items()},
    }.get(name)
    if own is not None:
        own = own.hold_again()
        own.listen()
        yield Route(own.socket, inner.number)
    if name == "postgres":
        yield Route(_listen(addresses.postgres_socket), view.postgres_socket)
    if name == control_plane.SIGNER:
        yield Route(_listen(addresses.signer_socket), view.signer_socket)


def _listen(path: Path) -> socket.socket:
    """Listen at a Unix socket in a directory that no other user can enter."""
    path.unlink(missing_ok=True)  # of a server that was killed
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    listener.listen(_BACKLOG)
    return listener
