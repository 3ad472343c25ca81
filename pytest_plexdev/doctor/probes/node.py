"""Probes of a kind node, a container on this machine: its clock, disk and kubelet."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from pytest_plexdev.core.tool_output import line_of
from pytest_plexdev.doctor.facts import Disk
from pytest_plexdev.doctor.probes.machine import DOCKER_TIMEOUT
from pytest_plexdev.stack.kind.cluster.docker_engine import docker
from pytest_plexdev.stack.kind.constants import node_of

_KUBELET_DISK = "/var/lib/kubelet"


def clock(cluster: str, now: Callable[[], float] = time.time) -> Mapping[str, float]:
    """Measure by how many seconds the node's clock is ahead of this machine's.

    Args:
        now: Unix time of this machine, seconds.
    """
    began = now()
    node_time = float(line_of(_run_on_node(cluster, "date", "+%s.%N"), r"\d+\.\d+"))
    # The node read its clock between the two times.
    return {f"container {node_of(cluster)}": node_time - (began + now()) / 2}


def disk(cluster: str) -> Disk:
    """Measure the disk of the node that stores images and Pods."""
    free, total = _run_on_node(cluster, "df", "--block-size=1", "--output=avail,size", _KUBELET_DISK).split()[-2:]
    return Disk(place=f"{node_of(cluster)}:{_KUBELET_DISK}", free=int(free), total=int(total))


def kubelet_unit(cluster: str) -> Mapping[str, str]:
    """Read the state of the kubelet's systemd unit: ``active``, ``inactive``, ``failed``."""
    state = _run_on_node(cluster, "systemctl", "show", "kubelet", "--property=ActiveState", "--value")
    return {node_of(cluster): state.strip()}


def _run_on_node(cluster: str, *words: str) -> str:
    purpose = "the doctor examines the node"
    return docker("exec", node_of(cluster), *words, timeout=DOCKER_TIMEOUT, purpose=purpose).stdout
