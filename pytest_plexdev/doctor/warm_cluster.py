"""Examine the warm cluster from outside: its node, its kubeconfigs, and the path behind its host ports."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from pytest_plexdev.core.paths import state_directory
from pytest_plexdev.doctor import target
from pytest_plexdev.doctor.model import Finding, FindingState
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.kube import Access, KubeClient
from pytest_plexdev.stack.kind.cluster.cluster_files import ClusterFiles
from pytest_plexdev.stack.kind.cluster.node_ports import lost_node_ports
from pytest_plexdev.stack.kind.constants import WARM_CLUSTER, node_of
from pytest_plexdev.stack.kind.settings import warm_directory
from pytest_plexdev.stack.kind.warm.kubeconfigs import unreadable_paths
from pytest_plexdev.stack.kind.warm.manual_changes import changes_to_revert
from pytest_plexdev.stack.kind.warm.node_status import UP, NodeProblem, node_problem

_PATIENCE: Final = 5.0
"""Seconds that Docker may take to answer."""


@dataclass(frozen=True)
class WarmCluster:
    """The result of examining the warm cluster from outside.

    Attributes:
        problem: The reason why nothing inside it can be examined; ``None`` if there is no such reason.
        findings: One each for the node, the kubeconfigs, the host ports and manual changes.
    """

    problem: NodeProblem | None
    findings: list[Finding]


def examine_warm_cluster(access: Access | None, environment: Mapping[str, str] = os.environ) -> WarmCluster:
    """Examine the warm cluster's node, the kubeconfigs that may name it, and its NodePorts. Changes nothing.

    Args:
        access: Its kubeconfig and context; ``None`` if none was found.
    """
    files = ClusterFiles(WARM_CLUSTER, warm_directory(state_directory(environment)))
    refusal: PlexdevError | None = None
    problem: NodeProblem | None = None
    try:
        problem = node_problem(files, patience=_PATIENCE)
    except PlexdevError as error:
        refusal = error
    rows = [_of_the_node(problem, refusal), _of_the_kubeconfigs(files, environment)]
    reached = access if problem is None else None
    return WarmCluster(problem, [*rows, _of_the_node_ports(reached, files), _of_the_content(reached, files)])


def _of_the_node(problem: NodeProblem | None, refusal: PlexdevError | None) -> Finding:
    state: FindingState = "ok"
    evidence, command = "", ""
    if refusal is not None:
        state, evidence = "not examined", refusal.what
    elif problem is not None:
        state, evidence, command = "found", f"{problem.failure.tag}: {problem.node}: {problem.reason}", problem.fix
    return Finding(
        mode="cluster-node",
        title="the warm cluster's node cannot be used",
        state=state,
        evidence=evidence,
        explanation="the whole cluster is one Docker container; nothing in the cluster works without it",
        command=command,
    )


def _of_the_kubeconfigs(files: ClusterFiles, environment: Mapping[str, str]) -> Finding:
    """Unusable kubeconfigs that may have the warm cluster's context, including plexdev's own."""
    errors = target.unusable(environment)
    broken = [f"{error.facts['path']}: {error.facts['reason']}" for error in errors]
    if str(files.kubeconfig) in [error.facts["path"] for error in errors]:
        command = UP
    elif unreadable_paths(environment):
        command = "unset KUBECONFIG"
    else:
        command = "kubectl config view"
    return Finding(
        mode="cluster-kubeconfig",
        title="a kubeconfig cannot be used",
        state="found" if broken else "ok",
        evidence="; ".join(broken),
        explanation="a kubeconfig that may name the warm cluster cannot be read; kubectl and kind read it too",
        command=command if broken else "",
    )


def _of_the_node_ports(access: Access | None, files: ClusterFiles) -> Finding:
    def check(client: KubeClient) -> tuple[str, str]:
        wrong = lost_node_ports(client)
        is_ours = target.has_our_labels(client, files.directory.parent.parent)
        command = UP if is_ours else " && ".join(each.command(client) for each in wrong)
        return "; ".join(each.words for each in wrong), command if wrong else ""

    state, evidence, command = _examined(access, check)
    return Finding(
        mode="cluster-node-ports",
        title="a host port leads nowhere",
        state=state,
        evidence=evidence,
        explanation=f"kind.yaml maps host ports to NodePorts of {node_of(files.name)}, and no Service has this one",
        command=command,
    )


def _of_the_content(access: Access | None, files: ClusterFiles) -> Finding:
    def check(client: KubeClient) -> tuple[str, str]:
        changes = changes_to_revert(client) if target.has_our_labels(client, files.directory.parent.parent) else []
        return "; ".join(f"{each.name}: {each.reason}" for each in changes), UP if changes else ""

    state, evidence, command = _examined(access, check)
    return Finding(
        mode="cluster-content",
        title="an object of the stack was changed or deleted by hand",
        state=state,
        evidence=evidence,
        explanation="Pods that read the object or are created from it fail; `plexdev up` restores it",
        command=command,
    )


def _examined(access: Access | None, check: Callable[[KubeClient], tuple[str, str]]) -> tuple[FindingState, str, str]:
    """State, evidence and command of a check on the API server; without a command nothing was found."""
    if access is None:
        return "not examined", "no cluster answers", ""
    try:
        with KubeClient(access) as client:
            evidence, command = check(client)
    except PlexdevError as error:
        return "not examined", error.what, ""
    return ("found" if command else "ok"), evidence, command
