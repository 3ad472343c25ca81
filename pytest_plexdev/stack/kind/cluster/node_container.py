"""The node's container, as Docker reports it."""

from __future__ import annotations

import contextlib
import io
import re
import tarfile
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pytest_plexdev.core.tool_output import archive_of, json_of, line_of, unreadable
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.cluster import COMMAND_FAILED
from pytest_plexdev.stack.kind.cluster.docker_engine import PATIENCE, docker
from pytest_plexdev.stack.kind.constants import API_NODE_PORT, IDP_NODE_PORT, node_of
from pytest_plexdev.stack.kind.settings import Addresses

CONFIGURATION: Final = "/kind/kubeadm.conf"
"""Where kind writes, a moment after the container is there, what the node is to be."""
API_SERVER: Final = "6443/tcp"
"""The port of the API server in the node."""
_REMOVAL: Final = 30.0
"""Seconds in which Docker ends a removal that it has begun."""
_STOPS: Final = "5"
"""Seconds that a node gets to stop."""
_NO_FILE: Final = re.compile(r"could not find the file|no such container:path", re.IGNORECASE)
_LOCAL: Final = frozenset({"", "0.0.0.0", "127.0.0.1"})  # nosec B104 # read, and not bound
"""Addresses on which docker publishes a port for this machine."""
_SHORT_ID: Final = 12
"""Characters of a network's ID in the name of its bridge."""
KIND_LABEL: Final = "io.x-k8s.kind.cluster"


@dataclass(frozen=True)
class Container:
    """The container that is a cluster's node."""

    name: str
    created: float
    running: bool
    """Also of one that is paused."""
    ports: dict[str, int]
    """Host port by the container's own, ``30080/tcp``."""
    cluster: str = ""
    """kind's name of the cluster whose node it is; empty: somebody's container that only has such a name."""
    paused: bool = False
    started: float = 0.0
    """When it was started last, in Unix seconds."""
    local_ports: tuple[int, ...] = ()
    """Host ports at which Docker's forwarders listen on 127.0.0.1."""
    bridges: tuple[str, ...] = ()
    """Interfaces that Docker made for its networks, in the network where it publishes ports."""

    @property
    def addresses(self) -> Addresses:
        """Where its stack is reached; the warm one's ports, where it was made without."""
        warm = Addresses()
        return Addresses(
            self.ports.get(f"{API_NODE_PORT}/tcp", warm.api_port),
            self.ports.get(f"{IDP_NODE_PORT}/tcp", warm.idp_port),
        )


def find_node(name: str, *, patience: float = PATIENCE) -> Container | None:
    """The node of the cluster with that name, whoever made it.

    Args:
        patience: Seconds that Docker gets for an answer, and for a container that it lists and does not show yet.
    """
    deadline = time.monotonic() + patience
    while (found := find_container(name, patience=patience)) is None:
        # Docker lists a container that is being made before it can be looked at; on a busy machine, long before.
        if not _is_listed(name) or time.monotonic() > deadline:
            return None
        time.sleep(0.1)
    return found if found.cluster else None


def find_container(name: str, *, patience: float = PATIENCE) -> Container | None:
    """The container that has the name of that cluster's node, a node or not; Docker is asked once."""
    said = _inspect(node_of(name), patience)
    if said is None:
        return None
    try:
        raw = json_of(said)[0]
    except (ValueError, LookupError):
        raise unreadable(["docker", "inspect", node_of(name)], said) from None
    return Container(
        name=node_of(name),
        created=_moment(raw["Created"]),
        running=bool(raw["State"]["Running"]),
        ports=_host_ports(raw["HostConfig"].get("PortBindings") or {}),
        cluster=(raw["Config"].get("Labels") or {}).get(KIND_LABEL, ""),
        paused=bool(raw["State"].get("Paused")),
        started=_moment(raw["State"].get("StartedAt") or raw["Created"]),
        local_ports=_local_ports(raw["HostConfig"].get("PortBindings") or {}),
        bridges=_bridges((raw.get("NetworkSettings") or {}).get("Networks") or {}),
    )


def _inspect(node: str, patience: float) -> str | None:
    try:
        said = docker("inspect", "--type", "container", node, purpose="is the cluster there?", timeout=patience)
        return said.stdout
    except PlexdevError as error:
        if error.failure is COMMAND_FAILED and "no such" in error.detail.lower():
            return None
        raise


def _is_listed(name: str) -> bool:
    said = docker("ps", "-aq", "--filter", f"label={KIND_LABEL}={name}", purpose="is a cluster being made?")
    return bool(line_of(said.stdout, "[0-9a-f]{12,64}"))


def has_moved(container: Container) -> bool:
    """Whether the node has another address than the one that its control plane was made with."""
    template = "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}"
    said = docker("inspect", "--format", template, container.name, purpose="where is the node?").stdout.split()
    made_with: list[str] = []
    with contextlib.suppress(PlexdevError, FileNotFoundError, tarfile.TarError, IndexError):
        made_with = re.findall(r"advertiseAddress: (\S+)", file_of(container, CONFIGURATION))
    return bool(made_with) and made_with[0] not in said


def start_node(container: Container) -> None:
    """Start a node that was stopped. kind's node finds its way with a new address by itself."""
    docker("start", container.name, purpose="the cluster's node was stopped")


def start_kubelet(container: Container) -> bool:
    """Start the kubelet of a node that runs; whether there was anything to do. One that cannot be asked is left."""
    ask = ("exec", container.name, "systemctl", "show", "kubelet", "--property=ActiveState", "--value")
    try:
        said = docker(*ask, purpose="does the node's kubelet run?").stdout
    except PlexdevError:
        return False
    if not line_of(said, "inactive|failed"):
        return False
    docker("exec", container.name, "systemctl", "restart", "kubelet", purpose="the node's kubelet did not run")
    return True


def unpause_node(container: Container) -> None:
    """Let a paused node go on."""
    docker("unpause", container.name, purpose="the cluster's node was paused")


def restart_node(container: Container) -> None:
    """Stop a node and start it: Docker's port forwarders start with it."""
    docker("restart", "-t", _STOPS, container.name, purpose="its port forwarder was gone")


def wait_for_node(name: str, *, within: float) -> Container | None:
    """The node: Docker finishes what an ended ``kind create`` had asked it for, unseen until then."""
    deadline = time.monotonic() + within
    while (container := find_node(name)) is None and time.monotonic() < deadline:
        time.sleep(0.1)
    return container


def wait_until_gone(name: str) -> bool:
    deadline = time.monotonic() + _REMOVAL
    while find_node(name) is not None:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def file_of(container: Container, path: str) -> str:
    """The text of a file in the node.

    Raises:
        FileNotFoundError: There is none.
        PlexdevError, tarfile.TarError, IndexError: Nobody could look.
    """
    try:
        said = docker("cp", f"{container.name}:{path}", "-", purpose="whose node is it?")
    except PlexdevError as error:
        if error.failure is COMMAND_FAILED and _NO_FILE.search(error.detail):
            raise FileNotFoundError(path) from None
        raise
    with tarfile.open(fileobj=io.BytesIO(archive_of(said.stdout).encode())) as archive:
        member = archive.extractfile(archive.getmembers()[0])
        return member.read().decode() if member is not None else ""


def _moment(text: str) -> float:
    # Docker writes nanoseconds, which datetime does not read, and leaves zeros out.
    seconds, _, fraction = text.rstrip("Z").partition(".")
    return datetime.fromisoformat(f"{seconds}+00:00").timestamp() + float(f"0.{fraction or 0}")


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
