"""Find the container that publishes a port of this machine, and whose it is: by labels, never by its name."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from pytest_plexdev.core.port_holder import PortHolder, holder_of
from pytest_plexdev.core.port_reservation import port_taken
from pytest_plexdev.errors import PORT_TAKEN, PlexdevError
from pytest_plexdev.stack.kind.cluster.cluster_files import ClusterFiles
from pytest_plexdev.stack.kind.cluster.create import mark_of
from pytest_plexdev.stack.kind.cluster.docker_engine import ask
from pytest_plexdev.stack.kind.cluster.node_container import KIND_LABEL, NodeContainer
from pytest_plexdev.stack.kind.constants import WARM_CLUSTER
from pytest_plexdev.stack.kind.settings import warm_directory

_PATIENCE: Final = 5.0
"""Seconds for an answer of Docker."""
_OWNERS: Final = {
    "elsewhere": "which plexdev created with another state directory, or for a test run",
    "none": "which plexdev did not create",
}
_FORWARDER: Final = "docker-proxy"
_OWNER_UNKNOWN: Final = "whose owner is unknown"


def find_port_holder(port: int) -> PortHolder:
    """Find who holds a port of this machine: a process, or the container that publishes it."""
    process = holder_of(port)
    container = publisher_of(port) if process.may_be_a_container else None
    if container is None and _FORWARDER in process.words:
        # With another DOCKER_HOST or context, it may be the forwarder of the user's own node.
        return replace(process, words=f"{process.words}, which forwards it to a container that docker does not list")
    return container or process


def publisher_of(port: int) -> PortHolder | None:
    """Find the container that publishes a port; ``None`` if none does, or Docker does not answer."""
    try:
        command = f"docker ps --filter publish={port}"
        found = ask(command, lambda engine: engine.containers(filters={"publish": str(port)}), timeout=_PATIENCE)
    except PlexdevError:
        return None
    if not found:
        return None
    name = found[0]["Names"][0].removeprefix("/")
    cluster = (found[0].get("Labels") or {}).get(KIND_LABEL)
    return _node(name, cluster) if cluster else PortHolder(words=f"the container {name}")


def with_container(error: PlexdevError) -> PlexdevError:
    """A ``port-taken`` error that names the container that publishes the port, if one does; other errors unchanged."""
    if error.failure is not PORT_TAKEN:
        return error
    port = int(str(error.facts["port"]))
    container = publisher_of(port) if holder_of(port).may_be_a_container else None
    if container is None:
        return error
    purpose, instead, why = (str(error.facts[name]) for name in ("purpose", "instead", "why"))
    return port_taken(port, container, purpose=purpose, instead=instead, why=why)


def _node(container: str, cluster: str) -> PortHolder:
    node = NodeContainer(name=container, created=0.0, running=True, ports={})
    mark = mark_of(ClusterFiles(cluster, warm_directory(name=cluster)), node)
    if mark == "ours" and cluster == WARM_CLUSTER:
        stop = "plexdev down --stack kind"
        return PortHolder(words=f"your kind cluster {cluster}", stop=stop, cluster=cluster, is_warm_cluster=True)
    return PortHolder(words=f"the kind cluster {cluster}, {_OWNERS.get(mark, _OWNER_UNKNOWN)}", cluster=cluster)
