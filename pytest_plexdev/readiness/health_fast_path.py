"""Check in three requests, without importing the rules, that a cluster is healthy.

If it is not, :mod:`~pytest_plexdev.readiness.cluster_health` finds out why.
"""

from __future__ import annotations

from typing import Any, Final

from pytest_plexdev.kube import KubeClient
from pytest_plexdev.kube.resources import ENDPOINT_SLICE, NODE
from pytest_plexdev.readiness.object_ref import DAEMON_SET

_SYSTEM: Final = "kube-system"
_OF_DNS: Final = "kubernetes.io/service-name=kube-dns"


def is_plainly_healthy(client: KubeClient) -> bool:
    """Whether every node is ready, DNS has an endpoint, and kube-proxy runs on every node.

    Raises:
        PlexdevError: ``cluster-unreachable``; ``kube-refused``: this user may not list a kind.
    """
    nodes = client.list(NODE)["items"]
    if not nodes or not all(_is_ready(each) for each in nodes):
        return False
    slices = client.list(ENDPOINT_SLICE, _SYSTEM, labels=_OF_DNS)["items"]
    if not any(_answers(each) for piece in slices for each in piece.get("endpoints") or ()):
        return False
    sets = client.list(DAEMON_SET, _SYSTEM)["items"]
    return any(each["metadata"]["name"] == "kube-proxy" and _is_everywhere(each) for each in sets)


def _is_everywhere(proxy: dict[str, Any]) -> bool:
    status = proxy.get("status") or {}
    wanted: int = status.get("desiredNumberScheduled", 0)
    there: int = status.get("numberAvailable", 0)
    return 0 < wanted <= there


def _is_ready(node: dict[str, Any]) -> bool:
    conditions = (node.get("status") or {}).get("conditions") or ()
    # Every other condition is a pressure, which the rules evaluate.
    return all((each["type"] == "Ready") == (each["status"] == "True") for each in conditions) and bool(conditions)


def _answers(endpoint: dict[str, Any]) -> bool:
    return (endpoint.get("conditions") or {}).get("ready") is not False
