"""Failure modes of the cluster below the stack: its nodes, their kubelets, DNS and kube-proxy."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_plexdev.doctor.facts import ClusterPart, Facts, Unknown
from pytest_plexdev.doctor.model import CheckResult, Found, NotFound


def kubelet_stopped(facts: Facts) -> CheckResult:
    """Check that systemd of each kind node reports the kubelet as active."""
    if isinstance(facts.kubelet_units, Unknown):
        return facts.kubelet_units
    stopped = [node for node, state in facts.kubelet_units.items() if state not in {"active", "activating"}]
    if not stopped:
        return NotFound(", ".join(f"{node}: {state}" for node, state in facts.kubelet_units.items()))
    evidence = "; ".join(f"the kubelet of {node} is {facts.kubelet_units[node]}" for node in stopped)
    return Found(evidence, " && ".join(f"docker exec {node} systemctl restart kubelet" for node in stopped))


def node_not_ready(facts: Facts) -> CheckResult:
    """Check that every node is ready and under no pressure."""
    return _part(facts, "Node")


def nodes_cordoned(facts: Facts) -> CheckResult:
    """Check that at least one node accepts Pods."""
    if isinstance(facts.nodes, Unknown):
        return facts.nodes
    names = [node["metadata"]["name"] for node in facts.nodes]
    cordoned = [node["metadata"]["name"] for node in facts.nodes if (node.get("spec") or {}).get("unschedulable")]
    if not names or cordoned != names:
        return NotFound()
    return Found(f"{', '.join(names)}: cordoned", f"{facts.kubectl} uncordon {' '.join(names)}")


def dns_down(facts: Facts) -> CheckResult:
    """Check that the DNS Service has an endpoint."""
    return _part(facts, "Service")


def services_unrouted(facts: Facts) -> CheckResult:
    """Check that kube-proxy runs on every node."""
    return _part(facts, "DaemonSet")


def _part(facts: Facts, kind: str) -> CheckResult:
    if isinstance(facts.health, Unknown):
        return facts.health
    parts = [each for each in facts.health if each.kind == kind]
    unseen = [each for each in parts if each.is_unseen]
    # A part that is still starting does not explain why a bring-up failed.
    wrong = [each for each in parts if each.state == "doomed" or not (each.state == "ready" or facts.bringing_up)]
    if wrong:
        evidence = "; ".join(f"{each.name} is {each.state}: {each.reason}" for each in wrong)
        return Found(evidence, next((each.command for each in wrong if each.command), f"{facts.kubectl} get nodes"))
    return Unknown(unseen[0].reason) if unseen else NotFound(_names(parts))


def _names(parts: Sequence[ClusterPart]) -> str:
    return ", ".join(f"{each.name} is {each.state}" for each in parts) or "this cluster has none"
