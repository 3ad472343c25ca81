"""Whether a node's host ports are expected at this process's 127.0.0.1, which may not be the engine's.

In a container that was given Docker's socket, and with an engine on another machine, nobody listens at them here though
the node is well: only where the engine's own network is this process's does that mean that a forwarder is gone.
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
    "without a cluster: pytest --plexdev-stack=embedded"
)


def silent_ports(container: NodeContainer) -> list[int]:
    """The host ports of a node that runs at which nobody listens here."""
    return [port for port in container.local_ports if endpoints.refuses(port)]


def is_the_engines(container: NodeContainer) -> bool:
    """Whether it is proven that this process has the network in which the node's engine publishes its ports.

    The engine makes the bridge of the node's network there, and names it by the network's random ID.
    """
    return any(_has_interface(bridge) for bridge in container.bridges)


def loopback_elsewhere(container: NodeContainer, ports: list[int]) -> PlexdevError:
    """The error for a node whose ports cannot be reached from here."""
    said = ", ".join(map(str, ports))
    return PlexdevError(LOOPBACK_ELSEWHERE, node=container.name, ports=said, fix=ELSEWHERE_FIX)


def refuse_where_elsewhere(container: NodeContainer) -> None:
    """Refuse a node that runs and whose ports are published in another network than this process's.

    Raises:
        PlexdevError: ``loopback-elsewhere``.
    """
    if (ports := silent_ports(container)) and not is_the_engines(container):
        raise loopback_elsewhere(container, ports)


def _has_interface(name: str) -> bool:
    with contextlib.suppress(OSError):
        return bool(socket.if_nametoindex(name))
    return False
