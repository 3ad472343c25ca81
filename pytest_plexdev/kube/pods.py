"""Find the newest Pod of a service; during a rollout it may have several."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pytest_plexdev.kube.client import KubeClient
from pytest_plexdev.kube.resources import POD, KubeObject

NAME_LABEL: Final = "app.kubernetes.io/name"


def newest_pod(client: KubeClient, service: str, namespaces: Iterable[str]) -> KubeObject | None:
    """The most recently created Pod, in the first namespace that has any; ``None`` if none has."""
    for namespace in namespaces:
        pods: list[KubeObject] = client.list(POD, namespace, labels=f"{NAME_LABEL}={service}")["items"]
        if pods:
            return max(pods, key=lambda pod: str(pod["metadata"]["creationTimestamp"]))
    return None
