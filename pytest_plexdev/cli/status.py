"""Read the state of a stack for ``plexdev status`` and ``wait``, also if its API does not answer."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_plexdev.core.model import Verdict
from pytest_plexdev.errors import NOT_READY_IN_TIME, STACK_MISSING, PlexdevError
from pytest_plexdev.errors.cluster import API_SILENT, KUBECONFIG_UNUSABLE, NOT_LOOPBACK

if TYPE_CHECKING:
    from pytest_plexdev.core.model import Progress
    from pytest_plexdev.kube import Access, KubeClient
    from pytest_plexdev.readiness.cluster_health import ClusterHealth
    from pytest_plexdev.readiness.object_ref import ObjectRef
    from pytest_plexdev.stack.discovery import Here

_LOOK_AGAIN: Final = 0.1
"""Seconds between two looks for a stack: nothing here can watch what is not there, or other people's servers."""
_LOOK_TAKES: Final = 1.0
"""Seconds that a look at a cluster gets at least: cut short, it would only say that it was cut short."""


def verdicts(chosen: Here | None, *, directory: Path | None = None) -> Sequence[Verdict]:
    """How each part of the stack is, asked now; one line where its cluster does not answer for any of them.

    Raises:
        PlexdevError: ``stack-missing``, ``kept-stack-missing``.
    """
    try:
        return _answered(chosen, directory, warns=True)
    except PlexdevError as error:
        node = _node() if error.failure is STACK_MISSING and chosen != "embedded" else None
        if node is None:
            raise
        return [node]


def wait(chosen: Here | None, *, directory: Path | None = None, timeout: float, progress: Progress) -> None:
    """Return once there is a stack and all of it is ready.

    Args:
        directory: Of a stack that a test run kept, in place of the warm one.

    Raises:
        PlexdevError: ``kept-stack-missing`` at once; ``not-ready-in-time`` or ``objects-not-ready`` (exit code 124),
            or as soon as it is clear that an object of the cluster will not become ready; ``stack-broken`` as soon as
            a server of plain processes has ended: nothing starts it again.
    """
    deadline = time.monotonic() + timeout
    while True:
        lack = _lack(chosen, directory, deadline, progress)
        if lack is None:
            return
        if time.monotonic() + lack.next_look >= deadline:
            # Docker is asked once, and not with every look.
            node = _node() if lack.no_stack and chosen != "embedded" else None
            lack = _lack_of([node]) if node is not None else lack
            raise PlexdevError(NOT_READY_IN_TIME, seconds=timeout, reason=lack.reason, fix=lack.fix)
        time.sleep(_LOOK_AGAIN)


@dataclass(frozen=True)
class _Lack:
    """Why a stack is not ready, what to type, and the seconds that another look takes."""

    reason: str
    fix: str
    no_stack: bool = False
    next_look: float = 0.0


def _lack(chosen: Here | None, directory: Path | None, deadline: float, progress: Progress) -> _Lack | None:
    try:
        if directory is not None:
            _wait_for_kept_objects(directory, deadline, progress)
        elif chosen != "embedded":
            _wait_for_objects(chosen, deadline, progress)
        found = _answered(chosen, directory, refuses_dead=True)
    except PlexdevError as error:
        if error.failure not in {STACK_MISSING, API_SILENT}:
            raise
        no_stack = error.failure is STACK_MISSING
        return _Lack(error.what, error.fix, no_stack=no_stack, next_look=0.0 if no_stack else _LOOK_TAKES)
    unready = [verdict for verdict in found if verdict.state != "ready"]
    return _lack_of(unready) if unready else None


def _lack_of(unready: Sequence[Verdict]) -> _Lack:
    reason = "; ".join(f"{verdict.name}: {verdict.headline}" for verdict in unready)
    return _Lack(reason, next((verdict.hint for verdict in unready if verdict.hint), "plexdev status"))


def _answered(
    chosen: Here | None, directory: Path | None, *, warns: bool = False, refuses_dead: bool = False
) -> Sequence[Verdict]:
    from pytest_plexdev.cli import attach
    from pytest_plexdev.stack import discovery

    try:
        attached = discovery.find_warm(chosen, directory=directory, missing=discovery.stack_missing)
    except PlexdevError as error:
        if error.failure is not API_SILENT:
            raise
        return [*_of_the_cluster(), Verdict(name="api", state="waiting", reason=error.what, hint=error.fix)]
    if warns:
        attach.warn_if_passed_over(attached)
    found = attached.provider.state(attached.info)
    if attached.info.cluster is None:
        if refuses_dead:
            _refuse_dead(found, attached.info.directory)
        return found
    from pytest_plexdev.stack.kind.warm.node_status import instead_of

    return instead_of(found, attached.info)


def _refuse_dead(found: Sequence[Verdict], directory: Path) -> None:
    from pytest_plexdev.core.ownership.lock import is_owned
    from pytest_plexdev.stack.embedded.warm import stack_broken

    dead = [verdict for verdict in found if verdict.state == "gone"]
    # Of a stack that has been ended in the meantime, another one may take the place.
    if dead and is_owned(directory):
        raise stack_broken(dead, fix=dead[0].hint)


def _node() -> Verdict | None:
    from pytest_plexdev.stack.kind.warm.node_status import warm_node_problem

    problem = warm_node_problem()
    return problem.verdict if problem is not None else None


def _wait_for_objects(chosen: Here | None, deadline: float, progress: Progress) -> None:
    try:
        access = _access()
    except PlexdevError as error:
        # Of the two, the embedded stack may be the one that can be used.
        if chosen == "kind" or error.failure not in {KUBECONFIG_UNUSABLE, NOT_LOOPBACK}:
            raise
        return
    if access is None:
        return
    from pytest_plexdev.kube import KubeClient
    from pytest_plexdev.readiness.wait import wait_ready

    with KubeClient(access) as client:
        refs, health = _wanted(client)
        wait_ready(client, refs, timeout=_left(deadline), health=health, progress=progress)


def _wait_for_kept_objects(directory: Path, deadline: float, progress: Progress) -> None:
    from pytest_plexdev.stack import discovery

    kept = discovery.find_kept_cluster(directory)
    cluster = kept.info.cluster if kept is not None else None
    if cluster is None:
        return
    from pytest_plexdev.kube import KubeClient
    from pytest_plexdev.readiness.wait import wait_ready
    from pytest_plexdev.stack.kind.health import health_of
    from pytest_plexdev.stack.kind.manifests.inventory import parts_of
    from pytest_plexdev.stack.kind.warm.kubeconfigs import candidates

    for access in candidates(cluster.kubeconfig.parent, cluster.name):
        with KubeClient(access) as client:
            refs = parts_of(client, owned=cluster.owned)
            health = health_of(owned=cluster.owned)
            wait_ready(client, refs, timeout=_left(deadline), health=health, progress=progress)
        return


def _left(deadline: float) -> float:
    return max(_LOOK_TAKES, deadline - time.monotonic())


def _of_the_cluster() -> Sequence[Verdict]:
    access = _access()
    if access is None:
        return ()
    from pytest_plexdev.kube import KubeClient
    from pytest_plexdev.readiness.look import verdicts_now

    with KubeClient(access) as client:
        refs, health = _wanted(client)
        return verdicts_now(client, refs, health=health)


def _wanted(client: KubeClient) -> tuple[list[ObjectRef], ClusterHealth]:
    """What the warm cluster's stack consists of, and what it needs of its cluster."""
    from pytest_plexdev.stack.kind.cluster.files import ClusterFiles
    from pytest_plexdev.stack.kind.constants import WARM_CLUSTER
    from pytest_plexdev.stack.kind.health import health_of
    from pytest_plexdev.stack.kind.manifests.inventory import parts_of
    from pytest_plexdev.stack.kind.settings import warm_directory
    from pytest_plexdev.stack.kind.state import ownership

    owned = ownership.is_ours(client, ClusterFiles(WARM_CLUSTER, warm_directory()))
    return parts_of(client, owned=owned), health_of(owned=owned)


def _access() -> Access | None:
    """The way to the warm cluster's API server, where one is known and somebody listens there."""
    from pytest_plexdev.stack.kind.constants import WARM_CLUSTER
    from pytest_plexdev.stack.kind.settings import warm_directory
    from pytest_plexdev.stack.kind.warm.attach import ways_in

    return next(ways_in(warm_directory(), WARM_CLUSTER), None)
