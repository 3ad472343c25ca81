"""The node's container, as Docker reports it."""

from __future__ import annotations

import contextlib
import io
import re
import tarfile
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from pytest_plexdev.core.poll import poll
from pytest_plexdev.core.tool_output import line_of
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.stack.kind.cluster.docker_engine import PATIENCE, ask, docker
from pytest_plexdev.stack.kind.constants import API_NODE_PORT, IDP_NODE_PORT, node_of
from pytest_plexdev.stack.kind.settings import Addresses

if TYPE_CHECKING:
    from docker import APIClient

CONFIGURATION: Final = "/kind/kubeadm.conf"
"""The node's configuration, which kind writes a moment after the container exists."""
API_SERVER: Final = "6443/tcp"
"""The API server's port in the node."""
_POLL_S: Final = 0.1
_REMOVAL: Final = 30.0
"""Seconds in which Docker completes a removal that it has begun."""
_STOPS: Final = 5
"""Seconds after which Docker kills a node that does not stop."""
_LOCAL: Final = frozenset({"", "0.0.0.0", "127.0.0.1"})  # nosec B104 # compared, not bound
"""Addresses at which Docker publishes a port for this machine."""
_SHORT_ID: Final = 12
"""Characters of a network's ID in the name of its bridge."""
KIND_LABEL: Final = "io.x-k8s.kind.cluster"


@dataclass(frozen=True)
class NodeContainer:
    """The container of a cluster's node."""

    name: str
    created: float
    running: bool
    """Also true of a paused one."""
    ports: dict[str, int]
    """Host port by the container's port, for example ``30080/tcp``."""
    cluster: str = ""
    """kind's name of the cluster. Empty for a container that only has the name of a node."""
    paused: bool = False
    started: float = 0.0
    """Unix time of its last start, in seconds."""
    local_ports: tuple[int, ...] = ()
    """Host ports that Docker's forwarders serve at 127.0.0.1."""
    bridges: tuple[str, ...] = ()
    """Interfaces of its networks, in the network namespace in which the engine publishes ports."""

    @property
    def addresses(self) -> Addresses:
        """The addresses of its stack; the warm stack's ports if it publishes none."""
        warm = Addresses()
        return Addresses(
            self.ports.get(f"{API_NODE_PORT}/tcp", warm.api_port),
            self.ports.get(f"{IDP_NODE_PORT}/tcp", warm.idp_port),
        )


def find_node(name: str, *, patience: float = PATIENCE) -> NodeContainer | None:
    """Find the node of the cluster with that name, whoever created it.

    Args:
        patience: Seconds for an answer of Docker, and for a container that it lists but cannot inspect yet.
    """

    def is_settled(found: NodeContainer | None) -> bool:
        # Docker lists a container that is being created before it can be inspected; on a busy machine, long before.
        return found is not None or not _is_listed(name)

    look = partial(find_container, name, patience=patience)
    found = poll(look, until=is_settled, every_s=_POLL_S, timeout_s=patience)
    return found if found is not None and found.cluster else None


def find_container(name: str, *, patience: float = PATIENCE) -> NodeContainer | None:
    """Find the container that has the name of that cluster's node, a node or not. Sends one request."""
    found = _inspect(node_of(name), patience)
    if found is None:
        return None
    bindings = found["HostConfig"].get("PortBindings") or {}
    return NodeContainer(
        name=node_of(name),
        created=_moment(found["Created"]),
        running=bool(found["State"]["Running"]),
        ports=_host_ports(bindings),
        cluster=(found["Config"].get("Labels") or {}).get(KIND_LABEL, ""),
        paused=bool(found["State"].get("Paused")),
        started=_moment(found["State"].get("StartedAt") or found["Created"]),
        local_ports=_local_ports(bindings),
        bridges=_bridges(_networks(found)),
    )


def _inspect(node: str, patience: float = PATIENCE) -> dict[str, Any] | None:
    def inspect(engine: APIClient) -> dict[str, Any] | None:
        from docker.errors import NotFound

        try:
            found: dict[str, Any] = engine.inspect_container(node)
        except NotFound:
            return None
        return found

    return ask(f"docker inspect {node}", inspect, timeout=patience)


def _is_listed(name: str) -> bool:
    label = f"{KIND_LABEL}={name}"
    command = f"docker ps --all --filter label={label}"
    return bool(ask(command, lambda engine: engine.containers(all=True, filters={"label": label})))


def has_moved(container: NodeContainer) -> bool:
    """Whether the node's address differs from the one that its control plane was created with."""
    addresses = {(each or {}).get("IPAddress") for each in _networks(_inspect(container.name) or {}).values()}
    original: list[str] = []
    with contextlib.suppress(PlexdevError, FileNotFoundError, tarfile.TarError, IndexError):
        original = re.findall(r"advertiseAddress: (\S+)", file_of(container, CONFIGURATION))
    return bool(original) and original[0] not in addresses


def start_node(container: NodeContainer) -> None:
    """Start a stopped node. kind's entrypoint adapts it to a new address."""
    ask(f"docker start {container.name}", lambda engine: engine.start(container.name))


def start_kubelet(container: NodeContainer) -> bool:
    """Start the kubelet of a running node if it is stopped; return whether it was. No error if that is unknown."""
    show = ("exec", container.name, "systemctl", "show", "kubelet", "--property=ActiveState", "--value")
    try:
        state = docker(*show, purpose="read the state of the node's kubelet").stdout
    except PlexdevError:
        return False
    if not line_of(state, "inactive|failed"):
        return False
    docker("exec", container.name, "systemctl", "restart", "kubelet", purpose="the node's kubelet did not run")
    return True


def unpause_node(container: NodeContainer) -> None:
    """Resume a paused node."""
    ask(f"docker unpause {container.name}", lambda engine: engine.unpause(container.name))


def restart_node(container: NodeContainer) -> None:
    """Restart a node, and with it Docker's port forwarders."""
    ask(f"docker restart {container.name}", lambda engine: engine.restart(container.name, timeout=_STOPS))


def wait_for_node(name: str, *, within: float) -> NodeContainer | None:
    """Wait for the node. Docker completes what a killed ``kind create`` requested, and shows it only then.

    Args:
        within: Seconds.
    """
    return poll(partial(find_node, name), every_s=_POLL_S, timeout_s=within)


def wait_until_gone(name: str) -> bool:
    """Wait until Docker has completed the removal of the node; return whether it did."""
    return poll(lambda: find_node(name) is None, every_s=_POLL_S, timeout_s=_REMOVAL)


def file_of(container: NodeContainer, path: str) -> str:
    """Read a text file in the node, which need not run.

    Raises:
        FileNotFoundError: The node has no such file.
        PlexdevError, tarfile.TarError, IndexError: It could not be read.
    """

    def read(engine: APIClient) -> bytes | None:
        from docker.errors import NotFound

        try:
            chunks, _ = engine.get_archive(container.name, path)
            return b"".join(chunks)
        except NotFound:
            # The answer is the same if the container is gone, and then this raises.
            engine.inspect_container(container.name)
        return None

    found = ask(f"docker cp {container.name}:{path} -", read)
    if found is None:
        raise FileNotFoundError(path)
    with tarfile.open(fileobj=io.BytesIO(found)) as archive:
        member = archive.extractfile(archive.getmembers()[0])
        return member.read().decode() if member is not None else ""


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _networks(found: dict[str, Any]) -> dict[str, Any]:
    return (found.get("NetworkSettings") or {}).get("Networks") or {}


def _host_ports(bindings: dict[str, Any]) -> dict[str, int]:
    return {
        port: int(hosts[0]["HostPort"])
        for port, hosts in bindings.items()
        if hosts and str(hosts[0].get("HostPort", "")).isdigit()
    }


def _bridges(networks: dict[str, Any]) -> tuple[str, ...]:
    ids = [str((each or {}).get("NetworkID") or "") for each in networks.values()]
    return tuple(f"br-{network[:_SHORT_ID]}" for network in ids if network)


def _local_ports(bindings: dict[str, Any]) -> tuple[int, ...]:
    hosts = [host for port, hosts in bindings.items() if port.endswith("/tcp") for host in hosts or ()]
    here = [host for host in hosts if host.get("HostIp", "") in _LOCAL]
    return tuple(int(host["HostPort"]) for host in here if str(host.get("HostPort", "")).isdigit())
