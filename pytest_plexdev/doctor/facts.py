"""The facts that the doctor checks: a snapshot of this machine and of one cluster, gathered by ``probes/``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pytest_plexdev.core.model import State
from pytest_plexdev.kube.resources import KubeObject


@dataclass(frozen=True)
class Unknown:
    """A fact that could not be observed, with the reason."""

    reason: str


NO_CLUSTER = Unknown("no cluster")


@dataclass(frozen=True, kw_only=True)
class PortUse:
    """The use of one of the warm stack's host ports.

    Attributes:
        holder: The process or container that uses it, as printed; ``None`` if the port is free.
        stop: The command that stops the holder; empty if it is not a stack of this user.
        cluster: The name (for kind) of the cluster whose node uses it.
        is_warm_cluster: Whether plexdev's own warm cluster uses it, as intended.
        is_embedded: Whether this user's warm embedded stack uses it.
    """

    port: int
    purpose: str
    holder: str | None = None
    stop: str = ""
    cluster: str = ""
    is_warm_cluster: bool = False
    is_embedded: bool = False

    @property
    def is_yours(self) -> bool:
        """Whether a warm stack of this user uses it."""
        return self.is_warm_cluster or self.is_embedded


@dataclass(frozen=True, kw_only=True)
class Disk:
    """A file system that stores images or Pods: its place, and its free and total bytes."""

    place: str
    free: int
    total: int


@dataclass(frozen=True, kw_only=True)
class RunningCommand:
    """A process on this machine and its command line."""

    pid: int
    words: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class LogLine:
    """A line of a container's log."""

    pod: str
    container: str
    text: str


@dataclass(frozen=True, kw_only=True)
class ClusterPart:
    """A part of the cluster that a stack needs, with its state.

    Attributes:
        kind: ``Node``, ``Service`` (of DNS) or ``DaemonSet`` (kube-proxy).
        name: ``service/kube-dns``.
        command: The command that fixes it; empty if it is ready.
        is_unseen: Whether this user may not read it; *reason* names the missing permission.
    """

    kind: str
    name: str
    state: State
    reason: str = ""
    command: str = ""
    is_unseen: bool = False


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Everything that the checks read; a part that could not be observed is ``Unknown``.

    Attributes:
        now: Unix time of this machine when the facts were gathered, seconds.
        bringing_up: Whether a bring-up on a cluster has just failed; then even this user's embedded stack conflicts.
        cluster: The name (for kind) of the cluster; empty if it is not a kind cluster.
        ours: Whether the labels of its node show that plexdev created it; nothing is applied to other clusters.
        kubectl: The first words of a kubectl command for this cluster.
        ports: The warm stack's ports on this machine.
        disks: The disks of Docker on this machine and of the node.
        commands: Every ``kubectl wait`` that runs on this machine.
        clocks: Seconds by which each clock is ahead of this machine's.
        kubelet: The kubelet's configuration, by node.
        kubelet_units: The state of the kubelet's systemd unit, by kind node: ``active``, ``inactive``, ``failed``.
        health: The parts of the cluster that a stack needs.
        nodes, pods, deployments, definitions, gateway_classes, gateways, routes: Objects of all namespaces.
            ``definitions`` are CustomResourceDefinitions without their schemas.
        complaints: Log lines about an expired or not yet valid token.
    """

    now: float
    bringing_up: bool = False
    cluster: str = ""
    ours: bool = False
    kubectl: str = "kubectl"
    ports: Sequence[PortUse] | Unknown = NO_CLUSTER
    disks: Sequence[Disk] | Unknown = NO_CLUSTER
    commands: Sequence[RunningCommand] | Unknown = NO_CLUSTER
    clocks: Mapping[str, float] | Unknown = NO_CLUSTER
    kubelet: Mapping[str, KubeObject] | Unknown = NO_CLUSTER
    kubelet_units: Mapping[str, str] | Unknown = NO_CLUSTER
    health: Sequence[ClusterPart] | Unknown = NO_CLUSTER
    nodes: Sequence[KubeObject] | Unknown = NO_CLUSTER
    pods: Sequence[KubeObject] | Unknown = NO_CLUSTER
    deployments: Sequence[KubeObject] | Unknown = NO_CLUSTER
    definitions: Sequence[KubeObject] | Unknown = NO_CLUSTER
    gateway_classes: Sequence[KubeObject] | Unknown = NO_CLUSTER
    gateways: Sequence[KubeObject] | Unknown = NO_CLUSTER
    routes: Sequence[KubeObject] | Unknown = NO_CLUSTER
    complaints: Sequence[LogLine] | Unknown = NO_CLUSTER
