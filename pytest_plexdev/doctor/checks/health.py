"""Failure modes of the cluster below the stack: its nodes, their kubelets, DNS and kube-proxy."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_plexdev.doctor.facts import ClusterPart, Facts, Unknown
from pytest_plexdev.doctor.model import Fine, Found, Outcome


def kubelet_stopped(symptoms: Facts) -> Outcome:
    """systemd of a kind node does not have the kubelet as active."""
    if isinstance(symptoms.kubelet_units, Unknown):
        return symptoms.kubelet_units
    stopped = [node for node, state in symptoms.kubelet_units.items() if state not in {"active", "activating"}]
    if not stopped:
        return Fine(", ".join(f"{node}: {state}" for node, state in symptoms.kubelet_units.items()))
    evidence = "; ".join(f"the kubelet of {node} is {symptoms.kubelet_units[node]}" for node in stopped)
    return Found(evidence, " && ".join(f"docker exec {node} systemctl restart kubelet" for node in stopped))


def node_not_ready(symptoms: Facts) -> Outcome:
    """A node is not ready, or has too little of something."""
    return _part(symptoms, "Node")


def nodes_cordoned(symptoms: Facts) -> Outcome:
    """No node may be given a Pod."""
    if isinstance(symptoms.nodes, Unknown):
        return symptoms.nodes
    names = [node["metadata"]["name"] for node in symptoms.nodes]
    cordoned = [node["metadata"]["name"] for node in symptoms.nodes if (node.get("spec") or {}).get("unschedulable")]
    if not names or cordoned != names:
        return Fine()
    return Found(f"{', '.join(names)}: cordoned", f"{symptoms.kubectl} uncordon {' '.join(names)}")


def dns_down(symptoms: Facts) -> Outcome:
    """No Pod answers behind the Service of the cluster's DNS."""
    return _part(symptoms, "Service")


def services_unrouted(symptoms: Facts) -> Outcome:
    """kube-proxy does not run on every node."""
    return _part(symptoms, "DaemonSet")


def _part(symptoms: Facts, kind: str) -> Outcome:
    if isinstance(symptoms.health, Unknown):
        return symptoms.health
    parts = [each for each in symptoms.health if each.kind == kind]
    unseen = [each for each in parts if each.is_unseen]
    # While a bring-up is explained, what is still coming up is not why it failed.
    wrong = [each for each in parts if each.state == "doomed" or not (each.state == "ready" or symptoms.bringing_up)]
    if wrong:
        evidence = "; ".join(f"{each.name} is {each.state}: {each.reason}" for each in wrong)
        return Found(evidence, next((each.command for each in wrong if each.command), f"{symptoms.kubectl} get nodes"))
    return Unknown(unseen[0].reason) if unseen else Fine(_names(parts))


def _names(parts: Sequence[ClusterPart]) -> str:
    return ", ".join(f"{each.name} is {each.state}" for each in parts) or "not known of this cluster"
