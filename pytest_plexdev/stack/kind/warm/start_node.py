"""Ensure that our cluster's node runs with its port forwarders: start, unpause or restart it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Final

from pytest_plexdev.core.port_reservation import port_taken
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.cluster import DOCKER_REFUSED
from pytest_plexdev.errors.node import NODE_CUT_OFF
from pytest_plexdev.stack.kind.cluster.node_container import (
    NodeContainer,
    find_node,
    restart_node,
    start_node,
    unpause_node,
)
from pytest_plexdev.stack.kind.cluster.port_publisher import find_port_holder
from pytest_plexdev.stack.kind.state.loopback import refuse_unreachable_ports, silent_ports
from pytest_plexdev.stack.kind.warm.node_status import ANEW

_FRESH: Final = "free the port, or use a cluster of a run's own, which takes free ports: pytest --plexdev-stack=kind"


def ensure_running(container: NodeContainer) -> list[str]:
    """Start, unpause or restart the node if needed; return what was done, for a person.

    Raises:
        PlexdevError: ``port-taken``: another program holds a port of the node; ``node-cut-off``;
            ``loopback-elsewhere``: its ports are published in another network, so a restart would not help.
    """
    if not container.running:
        with _ports_of(container):
            start_node(container)
        if (now := find_node(container.cluster)) is not None:
            refuse_unreachable_ports(now)
        return ["was stopped, started again"]
    done = []
    if container.paused:
        unpause_node(container)
        done.append("was paused, resumed")
    refuse_unreachable_ports(container)
    if ports := silent_ports(container):
        listed = ", ".join(map(str, ports))
        with _ports_of(container):
            restart_node(container)
        if silent_ports(container):
            raise PlexdevError(NODE_CUT_OFF, node=container.name, ports=listed, fix=ANEW)
        done.append(f"nothing listened at 127.0.0.1:{listed}, restarted")
    return done


@contextlib.contextmanager
def _ports_of(container: NodeContainer) -> Iterator[None]:
    """Report a start that Docker refused as ``port-taken``, if somebody listens at a port of the node."""
    try:
        yield
    except PlexdevError as error:
        if error.failure is not DOCKER_REFUSED:
            raise
        silent = silent_ports(container)
        for port in container.local_ports:
            if port not in silent and (holder := find_port_holder(port)).cluster != container.cluster:
                raise port_taken(port, holder, purpose=f"the node {container.name}", instead=_FRESH) from None
        raise
