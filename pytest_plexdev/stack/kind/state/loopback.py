"""Check whether a node's host ports are published at this process's 127.0.0.1.

They are not in a container that has Docker's socket, or if the engine runs on another machine. A port that refuses
connections therefore means a lost forwarder only if this process shares the engine's network.
"""

from __future__ import annotations

import contextlib
import socket
from typing import Final

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.node import LOOPBACK_ELSEWHERE
from pytest_plexdev.stack.kind.cluster.node_container import NodeContainer
from pytest_plexdev.stack.kind.state import endpoints

ELSEWHERE_FIX: Final = (
    "run it where the engine runs (in a container with Docker's socket: start that with --network host); "
    "without a cluster: pytest --plexdev-stack=embedded, or plexdev up"
)


def silent_ports(container: NodeContainer) -> list[int]:
    """The host ports of a running node that refuse connections here."""
    return [port for port in container.local_ports if endpoints.refuses(port)]


def shares_engine_network(container: NodeContainer) -> bool:
    """Whether this process certainly shares the network in which the node's engine publishes ports.

    The engine creates the bridge of the node's network there, and names it by the network's random ID.
    """
    return any(_has_interface(bridge) for bridge in container.bridges)


def loopback_elsewhere(container: NodeContainer, ports: list[int]) -> PlexdevError:
    """Build ``loopback-elsewhere``, the error for a node whose ports are not reachable from here."""
    return PlexdevError(LOOPBACK_ELSEWHERE, node=container.name, ports=", ".join(map(str, ports)), fix=ELSEWHERE_FIX)


def refuse_unreachable_ports(container: NodeContainer) -> None:
    """Refuse a running node whose ports are published in another network than this process's.

    Raises:
        PlexdevError: ``loopback-elsewhere``.
    """
    if (ports := silent_ports(container)) and not shares_engine_network(container):
        raise loopback_elsewhere(container, ports)


def _has_interface(name: str) -> bool:
    with contextlib.suppress(OSError):
        return bool(socket.if_nametoindex(name))
    return False
