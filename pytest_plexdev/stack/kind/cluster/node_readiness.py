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
"""kube-proxy answers here, through the API server, once its rules are written."""
_DNS: Final = "coredns"
_SYSTEM: Final = "kube-system"
_MANAGER: Final = "plexdev-network"
"""Not the field manager of rendered objects."""
_POLL_S: Final = 0.05


def restart_coredns(client: KubeClient) -> None:
    """Replace the CoreDNS Pods of a new node, so that names resolve soon.

    Pods that started before Services were routed retry the API server with growing pauses and are probed every 10 s.
    One new Pod with a faster probe replaces both; a cluster of one node needs no more.
    """
    if client.get(DEPLOYMENT, _DNS, _SYSTEM) is None:
        return
    pod = {"containers": [{"name": _DNS, "readinessProbe": {"periodSeconds": 1}}]}
    meta = {"name": _DNS, "namespace": _SYSTEM}
    wanted = {"apiVersion": DEPLOYMENT.api_version, "kind": DEPLOYMENT.kind, "metadata": meta}
    client.apply({**wanted, "spec": {"replicas": 1, "template": {"spec": pod}}}, manager=_MANAGER)


def wait_for_services(client: KubeClient, node: str, *, whole: Future[Any], timeout: float) -> None:
    """Wait until the node's Pods reach Services by their addresses.

    Args:
        whole: The end of the node's creation. If that fails, its error is raised.

    Raises:
        PlexdevError: ``kube-refused``: not in time; the error of *whole*.
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


def has_containerd(cluster: str) -> bool:
    """Whether the node's containerd answers; its control plane may still be starting."""
    try:
        docker("exec", node_of(cluster), *_IMAGES, purpose="find whether the node accepts images")
    except PlexdevError:
        return False
    return True
