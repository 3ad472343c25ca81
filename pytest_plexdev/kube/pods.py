"""Choose the newest Pod of a service during an update."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pytest_plexdev.kube.client import KubeClient
from pytest_plexdev.kube.resources import POD, KubeObject

NAME_LABEL: Final = "app.kubernetes.io/name"


def newest_pod(client: KubeClient, service: str, namespaces: Iterable[str]) -> KubeObject | None:
    """The Pod that was made last, in the first of the namespaces that has one."""
    for namespace in namespaces:
        pods: list[KubeObject] = client.list(POD, namespace, labels=f"{NAME_LABEL}={service}")["items"]
        if pods:
            return max(pods, key=lambda pod: str(pod["metadata"]["creationTimestamp"]))
    return None
