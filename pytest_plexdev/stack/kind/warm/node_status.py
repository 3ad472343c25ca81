"""Diagnose by its node container why a cluster does not answer, and name the command that repairs it."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pytest_plexdev.core.model import StackInfo, Verdict
from pytest_plexdev.errors import Failure, PlexdevError
from pytest_plexdev.errors.cluster import NODE_STOPPED
from pytest_plexdev.errors.node import (
    ENGINE_ELSEWHERE,
    KUBECONFIG_LOST,
    LOOPBACK_ELSEWHERE,
    NODE_CUT_OFF,
    NODE_GONE,
    NODE_NAME_TAKEN,
    NODE_PAUSED,
    NODE_SILENT,
)
from pytest_plexdev.kube import Access
from pytest_plexdev.stack.kind.cluster.cluster_files import ClusterFiles
from pytest_plexdev.stack.kind.cluster.create import mark_of
from pytest_plexdev.stack.kind.cluster.docker_engine import PATIENCE, has_container
from pytest_plexdev.stack.kind.cluster.node_container import API_SERVER, NodeContainer, find_container
from pytest_plexdev.stack.kind.constants import WARM_CLUSTER, node_of
from pytest_plexdev.stack.kind.settings import warm_directory
from pytest_plexdev.stack.kind.state import endpoints
from pytest_plexdev.stack.kind.state.loopback import ELSEWHERE_FIX, shares_engine_network, silent_ports
from pytest_plexdev.stack.kind.warm.kubeconfigs import candidates, unreadable_paths

UP: Final = "plexdev up --stack kind"
"""Starts, unpauses, restarts or finds again a cluster of ours, and verifies the stack."""
ANEW: Final = "plexdev down --stack kind && plexdev up --stack kind"
_OWN: Final = "pytest --plexdev-stack=kind"
_GREETS: Final = 2.0
"""Seconds for a TLS handshake, which takes an API server about 3 ms."""
_DOCKER_ANSWERS: Final = 1.0


@dataclass(frozen=True, kw_only=True)
class NodeProblem:
    """A broken state of a node.

    Attributes:
        reason: The state, for a line that begins with the node's name.
        fix: The command that repairs it.
        facts: Further facts of the failure's text.
    """

    failure: Failure
    node: str
    reason: str
    fix: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def verdict(self) -> Verdict:
        return Verdict(name=self.node, state="gone", reason=self.reason, hint=self.fix)

    @property
    def error(self) -> PlexdevError:
        return PlexdevError(self.failure, node=self.node, fix=self.fix, **self.facts)


def warm_node_problem(*, patience: float = PATIENCE) -> NodeProblem | None:
    """Diagnose the warm cluster's node; ``None`` if it is healthy, does not exist, or Docker does not answer.

    Args:
        patience: Seconds for an answer of Docker. It gets one request, and one for the labels of a node that no
            kubeconfig of ours identifies.
    """
    files = ClusterFiles(WARM_CLUSTER, warm_directory())
    try:
        if not files.kubeconfig.exists() and not has_container(node_of(files.name), timeout=patience):
            return None
        return node_problem(files, patience=patience)
    except PlexdevError:
        return None


def node_problem(files: ClusterFiles, *, patience: float = PATIENCE) -> NodeProblem | None:
    """Diagnose the node of the cluster in *files*, whoever created it; ``None`` if it is healthy or does not exist.

    Raises:
        PlexdevError: Docker does not answer.
    """
    container = find_container(files.name, patience=patience)
    if container is None:
        return _without_container(files)
    if not container.cluster:
        fix = f"docker rename {container.name} {container.name}-other && {UP}; or {_OWN}"
        reason = f"the container {container.name} exists and is not a kind node"
        return _problem(NODE_NAME_TAKEN, files, reason, fix, name=files.name)
    return _of_a_node(files, container)


def warm_node_has_our_labels() -> bool:
    """Whether plexdev created the warm cluster's node from this state directory, by the node's labels alone."""
    files = ClusterFiles(WARM_CLUSTER, warm_directory())
    try:
        if not has_container(node_of(files.name), timeout=_DOCKER_ANSWERS):
            return False
        container = find_container(files.name, patience=_DOCKER_ANSWERS)
    except PlexdevError:
        return False
    return container is not None and bool(container.cluster) and mark_of(files, container) == "ours"


def container_is_paused(name: str) -> bool:
    """Whether the container of a cluster's node is paused; ``False`` also if Docker does not answer."""
    try:
        container = find_container(name, patience=_DOCKER_ANSWERS)
    except PlexdevError:
        return False
    return container is not None and container.paused


def restart_fix(name: str) -> str:
    """The fix if only a restart of another user's node would help. Its first command stops nothing."""
    return f"{_OWN}; or, if the cluster is yours, restart it: docker restart {node_of(name)}"


def instead_of(found: Sequence[Verdict], info: StackInfo) -> Sequence[Verdict]:
    """The verdicts of a stack, or one with the reason if its API server reported none of them."""
    if info.cluster is None or not found or any(verdict.state != "gone" for verdict in found):
        return found
    return [_why_silent(info.cluster.name, info) or _silent(info.cluster.context, found[0].reason)]


def _without_container(files: ClusterFiles) -> NodeProblem | None:
    if not files.kubeconfig.exists():
        return None
    access = files.usable_access()
    if access is not None and access.is_loopback and endpoints.probe_tls(access, patience=_GREETS) == "trusted":
        reason, fix = _other_engine(os.environ)
        facts = {"name": files.name, "reason": reason}
        return _problem(ENGINE_ELSEWHERE, files, f"docker uses another engine than the node's: {reason}", fix, **facts)
    return _problem(NODE_GONE, files, "the node's container does not exist any more", UP)


def _other_engine(environment: Mapping[str, str]) -> tuple[str, str]:
    """Why ``docker`` may use another engine than the node's, and the command that ends that."""
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT"):
        if chosen := environment.get(name):
            return f"{name} is {chosen}", f"unset {name}"
    return "the current context of `docker context ls` is another engine", "docker context use default"


def _of_a_node(files: ClusterFiles, container: NodeContainer) -> NodeProblem | None:
    if (note := files.creation()) is not None and note.creator.is_alive:
        return None
    node = container.name
    if container.paused:
        return _for(NODE_PAUSED, files, container, "the node's container is paused", f"docker unpause {node}")
    if not container.running:
        return _for(NODE_STOPPED, files, container, "the node's container is stopped", f"docker start {node}")
    by_owner = restart_fix(files.name)
    if ports := silent_ports(container):
        listed = ", ".join(map(str, ports))
        if not shares_engine_network(container):
            reason = f"nothing listens at 127.0.0.1:{listed} here: this machine's loopback is not the Docker engine's"
            return _problem(LOOPBACK_ELSEWHERE, files, reason, ELSEWHERE_FIX, ports=listed)
        reason = f"nothing listens at 127.0.0.1:{listed}: Docker's port forwarder has ended"
        return _for(NODE_CUT_OFF, files, container, reason, by_owner, ports=listed)
    access = _find_access(files, container)
    if access is None:
        return _out_of_sight(files, container)
    if endpoints.probe_tls(access, patience=_GREETS) != "trusted":
        return _for(NODE_SILENT, files, container, "the node runs, but its API server does not answer", by_owner)
    return None


def _find_access(files: ClusterFiles, container: NodeContainer) -> Access | None:
    own = files.usable_access()
    if own is not None and own.port == container.ports.get(API_SERVER):
        return own
    try:
        return next(candidates(files.directory, files.name), None)
    except PlexdevError:
        return None


def _out_of_sight(files: ClusterFiles, container: NodeContainer) -> NodeProblem:
    if files.kubeconfig.exists():
        reason = f"{files.kubeconfig} is damaged, or of another cluster"
    else:
        reason = f"{files.kubeconfig} does not exist"
    theirs = f"kind export kubeconfig --name {files.name}"
    if none := unreadable_paths():
        reason += f", and KUBECONFIG names {', '.join(map(str, none))}, which is not a file"
        theirs = "unset KUBECONFIG"
    return _for(KUBECONFIG_LOST, files, container, f"the node runs, but {reason}", theirs, reason=reason)


def _for(
    failure: Failure, files: ClusterFiles, container: NodeContainer, words: str, theirs: str, **facts: object
) -> NodeProblem:
    """The problem of a node. Its fix is ``plexdev up`` if the node is ours, and *theirs* if it is not."""
    fix = UP if files.name == WARM_CLUSTER and _has_our_port_or_labels(files, container) else theirs
    return _problem(failure, files, words, fix, **facts)


def _problem(failure: Failure, files: ClusterFiles, words: str, fix: str, /, **facts: object) -> NodeProblem:
    return NodeProblem(failure=failure, node=node_of(files.name), reason=words, fix=fix, facts=facts)


def _has_our_port_or_labels(files: ClusterFiles, container: NodeContainer) -> bool:
    """Whether our own kubeconfig was written for the node, or its labels are ours.

    No other node's API server has that port. Only labels allow changes, but reading them takes longer than attaching
    may.
    """
    access = files.usable_access()
    if access is not None and access.port == container.ports.get(API_SERVER):
        return True
    return mark_of(files, container) == "ours"


def _why_silent(name: str, info: StackInfo) -> Verdict | None:
    files = ClusterFiles(name, warm_directory() if name == WARM_CLUSTER else info.directory)
    try:
        container = find_container(name)
    except PlexdevError:
        return None
    if container is not None and container.cluster:
        found = _of_a_node(files, container)
        return found.verdict if found is not None and found.failure is not NODE_SILENT else None
    fix = UP if name == WARM_CLUSTER else f"plexdev down --directory {shlex.quote(str(info.directory))}"
    return Verdict(name=node_of(name), state="gone", reason="the node's container does not exist any more", hint=fix)


def _silent(context: str, reason: str) -> Verdict:
    return Verdict(name=context, state="gone", reason=reason, hint="plexdev doctor")
