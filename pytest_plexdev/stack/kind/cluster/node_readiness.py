"""When a new node is usable: containerd accepts images, and kube-proxy routes Services."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any, Final

from pytest_plexdev.core.poll import poll
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.cluster import KUBE_REFUSED
from pytest_plexdev.kube import KubeClient
from pytest_plexdev.kube.resources import DEPLOYMENT, NODE
from pytest_plexdev.stack.kind.cluster.docker_engine import docker
from pytest_plexdev.stack.kind.constants import node_of

_IMAGES: Final = ("ctr", "--namespace", "k8s.io", "images", "ls", "--quiet")
_HEALTH: Final = "10256/proxy/healthz"
"""kube-proxy answers here once its rules are made, by way of the API server."""
_DNS: Final = "coredns"
_SYSTEM: Final = "kube-system"
_MANAGER: Final = "plexdev-network"
"""Not the owner of what is rendered."""
_POLL_S: Final = 0.05


def restart_coredns(client: KubeClient) -> None:
    """Have names resolve soon, on a new node that routes by now.

    The DNS's Pods that started before it did ask for the API server after ever longer pauses, and are asked themselves
    every 10 s whether they are ready: a new one takes their place, which on a cluster of one node does for two.
    """
    if client.get(DEPLOYMENT, _DNS, _SYSTEM) is None:
        return
    pod = {"containers": [{"name": _DNS, "readinessProbe": {"periodSeconds": 1}}]}
    meta = {"name": _DNS, "namespace": _SYSTEM}
    wanted = {"apiVersion": DEPLOYMENT.api_version, "kind": DEPLOYMENT.kind, "metadata": meta}
    client.apply({**wanted, "spec": {"replicas": 1, "template": {"spec": pod}}}, manager=_MANAGER)


def wait_for_services(client: KubeClient, node: str, *, whole: Future[Any], timeout: float) -> None:
    """Return once the node's Pods reach Services by their addresses.

    Args:
        whole: The end of the node's making; where that fails there is nothing to wait for.

    Raises:
        PlexdevError: ``kube-refused``: kube-proxy did not get there in time; why the node was not made.
    """

    def routes() -> bool:
        if whole.done():
            whole.result()
        try:
            return client.get(NODE, f"{node}:{_HEALTH}") is not None
        except (PlexdevError, ValueError):
            return False

    # kube-proxy has no readiness that could be watched.
    if not poll(routes, every_s=_POLL_S, timeout_s=timeout):
        raise PlexdevError(
            KUBE_REFUSED,
            verb="reach",
            object=f"kube-proxy of Node {node}",
            reason=f"not within {timeout:.0f} s",
            message="it does not report that its rules are written, without which Pods reach no Service",
            fix=client.command("-n", "kube-system", "logs", "ds/kube-proxy"),
        )


def wait_for_containerd(cluster: str) -> bool:
    """Whether the node's containerd answers, however far its control plane is."""
    try:
        docker("exec", node_of(cluster), *_IMAGES, purpose="does the node take images yet?")
    except PlexdevError:
        return False
    return True
