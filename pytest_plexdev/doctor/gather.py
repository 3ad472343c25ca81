"""Run every probe concurrently, then every check of the table."""

from __future__ import annotations

import contextlib
import shlex
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final

from pytest_plexdev.doctor.facts import NO_CLUSTER, Facts, Unknown
from pytest_plexdev.doctor.model import Finding, finding_of
from pytest_plexdev.doctor.modes import MODES, OF_THE_NODES
from pytest_plexdev.doctor.probes import cluster, machine, node
from pytest_plexdev.doctor.probes.concurrent import Probe, run_all
from pytest_plexdev.doctor.target import has_our_labels, kind_cluster
from pytest_plexdev.kube import Access, KubeClient
from pytest_plexdev.kube.resources import DEPLOYMENT, GATEWAY, GATEWAY_CLASS, HTTP_ROUTE, NODE, POD

BUDGET: Final = 10.0
"""Seconds that all probes may take together."""


def examine(
    access: Access | None,
    *,
    seconds: float = BUDGET,
    now: Callable[[], float] = time.time,
    without: Unknown = NO_CLUSTER,
) -> list[Finding]:
    """Check every failure mode, in the table's order. Changes nothing and never raises.

    Args:
        access: The cluster to examine; ``None``: this machine only.
        seconds: Time limit; a probe that has not answered by then leaves its modes "not examined".
        now: Returns the Unix time of this machine, seconds.
        without: The reason why no cluster is examined, if *access* is ``None``.
    """
    facts = gather(access, seconds=seconds, now=now, without=without)
    return findings_of(facts)


def findings_of(facts: Facts) -> list[Finding]:
    """Check every failure mode. Modes that a node problem explains are reported as not examined."""
    findings = [finding_of(mode, facts) for mode in MODES]
    tags = {mode.tag for mode in OF_THE_NODES}
    cause = next((each.mode for each in findings if each.mode in tags and each.state == "found"), None)
    if cause is None:
        return findings
    return [
        replace(each, state="not examined", evidence=f"{cause} comes first", command="", fixable=False)
        if mode.needs_nodes and each.state == "found"
        else each
        for mode, each in zip(MODES, findings, strict=True)
    ]


def gather(
    access: Access | None,
    *,
    seconds: float = BUDGET,
    now: Callable[[], float] = time.time,
    without: Unknown = NO_CLUSTER,
    bringing_up: bool = False,
) -> Facts:
    """Gather the facts of this machine and of one cluster; see :func:`examine`."""
    name = kind_cluster(access)
    probes: dict[str, Probe] = dict(_of_the_machine())
    if name:
        probes |= {"node_clock": partial(node.clock, name, now), "node_disk": partial(node.disk, name)}
        probes |= {"kubelet_units": partial(node.kubelet_unit, name)}
    with contextlib.ExitStack() as closing:
        if access is not None:
            # One client for all probes. Closing it ends a late probe.
            probes |= _of_the_cluster(closing.enter_context(KubeClient(access)), now)
        answers = run_all(probes, seconds=seconds)
    clocks = [answers.pop(probe) for probe in ("server_clock", "node_clock") if probe in answers]
    disks = [answers.pop(probe) for probe in ("docker_disk", "node_disk") if probe in answers]
    of_the_cluster = answers if access is not None else {**_nothing_of_the_cluster(without), **answers}
    if isinstance(answers.get("ours"), Unknown):
        of_the_cluster["ours"] = False
    return Facts(
        now=now(),
        bringing_up=bringing_up,
        cluster=name,
        kubectl=_kubectl(access),
        clocks=_merged(clocks, without),
        disks=_listed(disks),
        **of_the_cluster,
    )


def _of_the_machine() -> Mapping[str, Probe]:
    return {"ports": machine.ports, "docker_disk": machine.docker_disk, "commands": machine.waiting_commands}


def _of_the_cluster(client: KubeClient, now: Callable[[], float]) -> Mapping[str, Probe]:
    resources = {
        "nodes": NODE,
        "pods": POD,
        "deployments": DEPLOYMENT,
        "gateway_classes": GATEWAY_CLASS,
        "gateways": GATEWAY,
        "routes": HTTP_ROUTE,
    }
    return {
        **{name: partial(cluster.objects, client, resource) for name, resource in resources.items()},
        "definitions": partial(cluster.definitions, client),
        "kubelet": partial(cluster.kubelets, client),
        "complaints": partial(cluster.complaints, client),
        "server_clock": partial(cluster.clock, client.access, now),
        "health": partial(cluster.health, client, now),
        "ours": partial(has_our_labels, client),
    }


def _nothing_of_the_cluster(why: Unknown) -> dict[str, Any]:
    parts = ("nodes", "pods", "deployments", "gateway_classes", "gateways", "routes")
    return dict.fromkeys((*parts, "definitions", "kubelet", "kubelet_units", "health", "complaints"), why)


def _kubectl(access: Access | None) -> str:
    return shlex.join(access.kubectl) if access is not None else "kubectl"


def _merged(parts: list[Mapping[str, float] | Unknown], without: Unknown) -> Mapping[str, float] | Unknown:
    known = [part for part in parts if not isinstance(part, Unknown)]
    if not known:
        return next((part for part in parts if isinstance(part, Unknown)), without)
    return {place: ahead for part in known for place, ahead in part.items()}


def _listed(parts: list[Any]) -> list[Any] | Unknown:
    known = [part for part in parts if not isinstance(part, Unknown)]
    unknown: Unknown = parts[0]
    return known or unknown
