"""Recover a stack after its node restarted: wait for the API server, replace Pods that started too early.

After a restart all Pods start at the same time, before kube-proxy has written its rules. Those that call the API server
through its Service hang in unanswered connections: Envoy Gateway until its liveness probe kills it after a minute,
CoreDNS with growing pauses. All others wait for these two.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any, Final

from pytest_plexdev.core.poll import poll
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.cluster import CLUSTER_UNREACHABLE, NODE_NOT_BACK
from pytest_plexdev.kube import KubeClient
from pytest_plexdev.kube.resources import NODE, POD, KubeObject
from pytest_plexdev.kube.timestamps import seconds
from pytest_plexdev.stack.kind.cluster.node_container import NodeContainer, has_moved
from pytest_plexdev.stack.kind.cluster.node_readiness import wait_for_services
from pytest_plexdev.stack.kind.constants import GATEWAY_NAMESPACE

STARTS_WITHIN_S: Final = 60.0
"""Seconds after the node's start for the API server to answer, and for kube-proxy to route."""
_RECENT_S: Final = 120.0
"""Seconds after its start within which a node's Pods may still be starting."""
_CREATION_S: Final = 10.0
"""Most seconds from a container's creation to its first start."""
_POLL_S: Final = 0.1
_EARLY: Final = (
    ("kube-system", "k8s-app=kube-dns"),
    (GATEWAY_NAMESPACE, "app.kubernetes.io/name=envoy-gateway"),
    (GATEWAY_NAMESPACE, "app.kubernetes.io/managed-by=envoy-gateway"),
)
"""Namespace and labels of Pods that retry the API server, or the gateway's controller, with growing pauses."""


def was_restarted_lately(container: NodeContainer, now: Callable[[], float] = time.time) -> bool:
    """Whether the node was restarted so recently that its Pods may still be starting."""
    is_first_start = container.started - container.created <= _CREATION_S
    return container.running and not is_first_start and now() - container.started < _RECENT_S


def answers(client: KubeClient) -> bool:
    """Whether the API server answers now."""
    try:
        client.list(NODE)
    except PlexdevError as error:
        if error.failure is CLUSTER_UNREACHABLE:
            return False
        raise
    return True


def wait_for_api_server(client: KubeClient, container: NodeContainer, *, timeout: float) -> None:
    """Wait until the API server answers.

    Raises:
        PlexdevError: ``node-not-back``.
    """
    timeout_s = min(STARTS_WITHIN_S, timeout)
    try:
        # Nothing can be watched before it answers.
        poll(lambda: client.list(NODE), every_s=_POLL_S, timeout_s=timeout_s, retry_on=_is_of_the_catalogue)
    except PlexdevError as error:
        raise _not_back(container, error, timeout_s) from None


def _is_of_the_catalogue(error: BaseException) -> bool:
    return isinstance(error, PlexdevError)


def replace_early_pods(client: KubeClient, container: NodeContainer, *, timeout: float) -> list[str]:
    """Once the node routes, delete the Pods that started too early, which are then replaced; return their names."""
    routes: Future[Any] = Future()
    routes.set_result(None)
    with contextlib.suppress(PlexdevError):
        # If it does not route, readiness reports the reason.
        wait_for_services(client, container.name, whole=routes, timeout=min(STARTS_WITHIN_S, timeout))
        return [_replace(client, pod) for pod in _early_pods(client) if not _has_come_back(pod, container.started)]
    return []


def _early_pods(client: KubeClient) -> Iterator[KubeObject]:
    for namespace, labels in _EARLY:
        yield from client.list(POD, namespace, labels=labels)["items"]


def _replace(client: KubeClient, pod: KubeObject) -> str:
    name: str = pod["metadata"]["name"]
    client.delete(POD, name, pod["metadata"]["namespace"])
    return name


def _has_come_back(pod: KubeObject, started: float) -> bool:
    """Whether it became ready after the node's start. Until the kubelet reports, its status is older."""
    status = pod.get("status") or {}
    if status.get("phase") == "Succeeded" or "deletionTimestamp" in pod["metadata"]:
        return True
    is_ready = any(each["type"] == "Ready" and each["status"] == "True" for each in status.get("conditions") or ())
    running = [(each.get("state") or {}).get("running") for each in status.get("containerStatuses") or ()]
    return is_ready and all(each and (seconds(each.get("startedAt")) or 0.0) >= started for each in running)


def _not_back(container: NodeContainer, error: PlexdevError, timeout_s: float) -> PlexdevError:
    moved = has_moved(container)
    reason = "its address changed, and its control plane did not adapt to it" if moved else error.facts["reason"]
    return PlexdevError(NODE_NOT_BACK, node=container.name, seconds=round(timeout_s, 1), reason=reason)
