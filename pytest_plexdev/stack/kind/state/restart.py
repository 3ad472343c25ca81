"""Restart the workload of a service.

The Pods of a Deployment are replaced. The container of a StatefulSet is ended in place, because its data is on a volume
that ends with the Pod: the kubelet starts it again, at once or, if that happens repeatedly, after 10 s and more.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from pytest_plexdev.core.poll import poll
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.changes import RESTART_FAILED
from pytest_plexdev.kube import KubeClient
from pytest_plexdev.kube.pods import NAME_LABEL, newest_pod
from pytest_plexdev.kube.resources import DEPLOYMENT, POD, STATEFUL_SET, KubeObject
from pytest_plexdev.readiness.object_ref import ObjectRef
from pytest_plexdev.stack.kind.cluster.docker_engine import docker
from pytest_plexdev.stack.kind.constants import GATEWAY_NAMESPACE, NAMESPACE

_NAMESPACES: Final = (NAMESPACE, GATEWAY_NAMESPACE)
_RESTARTED: Final = "kubectl.kubernetes.io/restartedAt"
"""The annotation of a Pod template that `kubectl rollout restart` sets."""
_MANAGER: Final = "plexdev-restart"
"""A separate field manager, so that the next apply of the rendered objects does not remove the annotation."""
_POLL_INTERVAL_S: Final = 0.1


def workloads(client: KubeClient) -> Mapping[str, ObjectRef]:
    """Return the Deployments and StatefulSets of the stack by the name of their service."""
    return {_service_of(item): ObjectRef.of(item, kind) for kind, item in _items(client)}


def restart(client: KubeClient, service: str, workload: ObjectRef, *, node: str, deadline: float) -> None:
    """Restart a workload. Its readiness is waited for afterwards.

    Args:
        node: The node's container.
        deadline: On ``time.monotonic()``'s clock.

    Raises:
        PlexdevError: ``restart-failed``: its container did not start again; ``command-failed``.
    """
    if workload.kind == STATEFUL_SET.kind:
        _restart_container(client, service, node, deadline)
    else:
        _roll_out(client, workload)


def wait_for_former_pods(client: KubeClient, services: Sequence[str], *, deadline: float) -> None:
    """Wait until no Pod of *services* is ending: the gateway may send requests to one that is.

    Args:
        deadline: On ``time.monotonic()``'s clock. Returns also after it.
    """
    poll(
        lambda: not any(_are_ending(client, service) for service in services),
        every_s=_POLL_INTERVAL_S,
        timeout_s=max(0.0, deadline - time.monotonic()),
    )


def _are_ending(client: KubeClient, service: str) -> bool:
    pods = (client.list(POD, namespace, labels=f"{NAME_LABEL}={service}")["items"] for namespace in _NAMESPACES)
    return any("deletionTimestamp" in pod["metadata"] for each in pods for pod in each)


def _roll_out(client: KubeClient, workload: ObjectRef) -> None:
    template = {"metadata": {"annotations": {_RESTARTED: datetime.now(UTC).isoformat(timespec="milliseconds")}}}
    meta = {"name": workload.name, "namespace": workload.namespace}
    client.apply(
        {
            "apiVersion": DEPLOYMENT.api_version,
            "kind": DEPLOYMENT.kind,
            "metadata": meta,
            "spec": {"template": template},
        },
        manager=_MANAGER,
    )


def _restart_container(client: KubeClient, service: str, node: str, deadline: float) -> None:
    pod = newest_pod(client, service, _NAMESPACES)
    before = _container_id(pod)
    if pod is None or before is None:
        return  # its Pod has not started it yet
    name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
    identity = before.rpartition("//")[2]
    # On SIGINT, Postgres ends its sessions; on SIGTERM it would wait for them.
    kill = ("ctr", "--namespace", "k8s.io", "tasks", "kill", "--signal", "SIGINT", identity)
    docker("exec", node, *kill, purpose=f"the container of {service} is started again")
    if not poll(
        lambda: _container_id(client.get(POD, name, namespace)) not in {None, before},
        every_s=_POLL_INTERVAL_S,
        timeout_s=max(0.0, deadline - time.monotonic()),
    ):
        raise PlexdevError(
            RESTART_FAILED,
            service=service,
            seconds=0.0,
            reason="the kubelet did not start its container",
            fix=client.command("describe", "pod", name, "--namespace", namespace),
        )


def _container_id(pod: KubeObject | None) -> str | None:
    """The id of the running main container."""
    statuses: Sequence[KubeObject] = ((pod or {}).get("status") or {}).get("containerStatuses") or ()
    running = (each["containerID"] for each in statuses if "running" in (each.get("state") or {}))
    return next(running, None)


def _items(client: KubeClient) -> Iterator[tuple[str, KubeObject]]:
    for namespace in _NAMESPACES:
        for resource in (STATEFUL_SET, DEPLOYMENT):
            for item in client.list(resource, namespace)["items"]:
                yield resource.kind, item


def _service_of(workload: KubeObject) -> str:
    meta = workload["metadata"]
    return str((meta.get("labels") or {}).get(NAME_LABEL, meta["name"]))
