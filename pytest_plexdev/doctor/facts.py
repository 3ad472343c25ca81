"""The facts that the doctor checks: a snapshot of this machine and of one cluster, gathered by ``probes/``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from pytest_plexdev.core.model import State

Object: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True)
class Unknown:
    """Something that could not be looked at, and why."""

    reason: str


NO_CLUSTER = Unknown("no cluster")


@dataclass(frozen=True, kw_only=True)
class PortUse:
    """Who has one of the warm stack's host ports.

    Attributes:
        holder: The process or container in words; ``None``: nobody has it.
        stop: The command that ends it, where it is a stack that this user brought up.
        cluster: kind's name of the cluster whose node has it.
        is_warm_cluster: The warm cluster that plexdev made has it, as it should.
        is_embedded: The embedded stack that this user left running has it.
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
        """Whether a warm stack of this user has it."""
        return self.is_warm_cluster or self.is_embedded


@dataclass(frozen=True, kw_only=True)
class Disk:
    """A file system that images or Pods need: where it is, and its bytes."""

    place: str
    free: int
    total: int


@dataclass(frozen=True, kw_only=True)
class RunningCommand:
    """A command that somebody runs on this machine."""

    pid: int
    words: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class LogLine:
    """A line that a container wrote."""

    pod: str
    container: str
    text: str


@dataclass(frozen=True, kw_only=True)
class ClusterPart:
    """A part of the cluster that a stack needs, as readiness judges it.

    Attributes:
        kind: ``Node``, ``Service`` (of DNS) or ``DaemonSet`` (kube-proxy).
        name: ``service/kube-dns``.
        command: What mends it; empty where it is ready.
        is_unseen: We may not look at it, and *reason* says so.
    """

    kind: str
    name: str
    state: State
    reason: str = ""
    command: str = ""
    is_unseen: bool = False


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Everything that the failure modes are recognised by; a part that could not be looked at is ``Unknown``.

    Attributes:
        now: Unix time, seconds: when this machine's clock said that the look was taken.
        bringing_up: Whether a bring-up in a cluster has just failed: then even our embedded stack is in its way.
        cluster: kind's name of the cluster; empty where it is not one of kind.
        ours: Whether its node says that we made the cluster: only then something is applied to it.
        kubectl: The first words of a command that reaches the cluster.
        ports: The warm stack's ports on this machine.
        disks: Of Docker on this machine, and inside the node.
        commands: Every ``kubectl wait`` that runs on this machine.
        clocks: Seconds by which the clock of each is ahead of this machine's.
        kubelet: Its configuration, by node.
        kubelet_units: What systemd says of it, by node of kind: ``active``, ``inactive``, ``failed``.
        health: The parts of the cluster that a stack needs.
        nodes, pods, deployments, definitions, gateway_classes, gateways, routes: Objects of all namespaces.
            ``definitions`` are CustomResourceDefinitions, their metadata and status alone.
        complaints: Log lines about a token's time.
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
    kubelet: Mapping[str, Object] | Unknown = NO_CLUSTER
    kubelet_units: Mapping[str, str] | Unknown = NO_CLUSTER
    health: Sequence[ClusterPart] | Unknown = NO_CLUSTER
    nodes: Sequence[Object] | Unknown = NO_CLUSTER
    pods: Sequence[Object] | Unknown = NO_CLUSTER
    deployments: Sequence[Object] | Unknown = NO_CLUSTER
    definitions: Sequence[Object] | Unknown = NO_CLUSTER
    gateway_classes: Sequence[Object] | Unknown = NO_CLUSTER
    gateways: Sequence[Object] | Unknown = NO_CLUSTER
    routes: Sequence[Object] | Unknown = NO_CLUSTER
    complaints: Sequence[LogLine] | Unknown = NO_CLUSTER
