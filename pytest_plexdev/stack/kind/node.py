"""Why a cluster does not answer, by the container that is its node: stopped, or gone."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.stack.kind.host.container import API_SERVER, Container, find_node
from pytest_plexdev.stack.kind.host.engine import PATIENCE
from pytest_plexdev.stack.kind.host.place import Place
from pytest_plexdev.stack.kind.names import WARM_CLUSTER, node_of
from pytest_plexdev.stack.kind.whereabouts import is_mentioned, warm_directory
from pytest_plexdev.stack.model import StackInfo, Verdict


def warm_node(*, patience: float = PATIENCE) -> Verdict | None:
    """The warm cluster's node, where a kubeconfig of this user has one and it is stopped.

    Args:
        patience: Seconds that Docker gets for its answer; it is asked for one.
    """
    if not is_mentioned(warm_directory(), WARM_CLUSTER):
        return None
    try:
        container = find_node(WARM_CLUSTER, patience=patience)
    except PlexdevError:
        # Without Docker nobody can say.
        return None
    return _stopped(container, WARM_CLUSTER) if container is not None and not container.running else None


def instead_of(found: Sequence[Verdict], info: StackInfo) -> Sequence[Verdict]:
    """The verdicts of a stack; where its API server gave none of them, one line with the reason in their place."""
    if info.cluster is None or not found or any(verdict.state != "gone" for verdict in found):
        return found
    return [_why_silent(info.cluster.name, info) or _silent(info.cluster.context, found[0].reason)]


def _why_silent(name: str, info: StackInfo) -> Verdict | None:
    try:
        container = find_node(name)
    except PlexdevError:
        return None
    if container is None:
        fix = (
            "plexdev up --stack kind"
            if name == WARM_CLUSTER
            else f"plexdev down --directory {shlex.quote(str(info.directory))}"
        )
        return Verdict(name=node_of(name), state="gone", reason="the node's container is not there any more", hint=fix)
    return None if container.running else _stopped(container, name)


def _stopped(container: Container, name: str) -> Verdict:
    # `plexdev up` starts what is ours and looks whether it is whole; a node of anybody else's it leaves alone.
    fix = "plexdev up --stack kind" if _is_ours(container, name) else f"docker start {container.name}"
    return Verdict(name=container.name, state="gone", reason="the node's container is stopped", hint=fix)


def _is_ours(container: Container, name: str) -> bool:
    """Whether it is the node that our own kubeconfig was written for: no other one's API server has its port.

    What is allowed to be changed, labels say; to read them of a node that is stopped takes longer than attaching may.
    """
    access = Place(name, warm_directory()).usable_access() if name == WARM_CLUSTER else None
    return access is not None and access.port == container.ports.get(API_SERVER)


def _silent(context: str, reason: str) -> Verdict:
    return Verdict(name=context, state="gone", reason=reason, hint="plexdev doctor")
