"""Judge the objects of a running cluster, and wait until they are ready, also if the stack's API does not answer."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from pytest_plexdev.stack.kind.constants import WARM_CLUSTER
from pytest_plexdev.stack.kind.settings import warm_directory

if TYPE_CHECKING:
    from pytest_plexdev.core.model import StackInfo, Verdict
    from pytest_plexdev.core.progress import Progress
    from pytest_plexdev.kube import Access, KubeClient
    from pytest_plexdev.readiness.cluster_health import ClusterHealth
    from pytest_plexdev.readiness.object_ref import ObjectRef

_LEAST_S: Final = 1.0
"""Minimum timeout of a check of the cluster: with less, its only result would be the timeout."""


def verdicts_now() -> Sequence[Verdict]:
    """The verdicts on the warm cluster's objects; none if its API server cannot be reached."""
    access = _warm_access()
    if access is None:
        return ()
    from pytest_plexdev.kube import KubeClient
    from pytest_plexdev.readiness.snapshot import verdicts_now

    with KubeClient(access) as client:
        refs, health = _wanted(client)
        return verdicts_now(client, refs, health=health)


def wait_for_warm(deadline: float, progress: Progress) -> None:
    """Wait until the objects of the warm cluster are ready; return at once if nothing listens there.

    Raises:
        PlexdevError: ``objects-not-ready``; ``kubeconfig-unusable``, ``not-loopback``.
    """
    access = _warm_access()
    if access is None:
        return
    from pytest_plexdev.kube import KubeClient
    from pytest_plexdev.readiness.wait import wait_ready

    with KubeClient(access) as client:
        refs, health = _wanted(client)
        wait_ready(client, refs, timeout=_left(deadline), health=health, progress=progress)


def wait_for_kept(info: StackInfo, deadline: float, progress: Progress) -> None:
    """Wait until the objects of a cluster that a test run kept are ready; return at once if nothing listens there.

    Raises:
        PlexdevError: ``objects-not-ready``.
    """
    from pytest_plexdev.kube import KubeClient
    from pytest_plexdev.readiness.wait import wait_ready
    from pytest_plexdev.stack.kind.manifests.inventory import objects_of_stack
    from pytest_plexdev.stack.kind.required_parts import health_of
    from pytest_plexdev.stack.kind.warm.kubeconfigs import candidates

    cluster = info.cluster
    assert cluster is not None
    access = next(candidates(cluster.kubeconfig.parent, cluster.name), None)
    if access is None:
        return
    with KubeClient(access) as client:
        refs = objects_of_stack(client, owned=cluster.owned)
        health = health_of(owned=cluster.owned)
        wait_ready(client, refs, timeout=_left(deadline), health=health, progress=progress)


def _left(deadline: float) -> float:
    return max(_LEAST_S, deadline - time.monotonic())


def _wanted(client: KubeClient) -> tuple[list[ObjectRef], ClusterHealth]:
    """Return the objects of the warm cluster's stack, and the parts of the cluster that it needs."""
    from pytest_plexdev.stack.kind.cluster.cluster_files import ClusterFiles
    from pytest_plexdev.stack.kind.manifests.inventory import objects_of_stack
    from pytest_plexdev.stack.kind.required_parts import health_of
    from pytest_plexdev.stack.kind.state import ownership

    owned = ownership.has_our_labels(client, ClusterFiles(WARM_CLUSTER, warm_directory()))
    return objects_of_stack(client, owned=owned), health_of(owned=owned)


def _warm_access() -> Access | None:
    """Return the access to the warm cluster, if a kubeconfig names it and its API server's port is open."""
    from pytest_plexdev.stack.kind.warm.attach import usable_accesses

    return next(usable_accesses(warm_directory(), WARM_CLUSTER), None)
