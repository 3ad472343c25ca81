"""A healthy cluster as its API server describes it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pytest_plexdev.kube.resources import KubeObject
from pytest_plexdev.readiness import ObjectRef
from pytest_plexdev.readiness.cluster_health import SYSTEM, NodePort

NOW = 1_800_000_000.0
NODE = "plexsphere-control-plane"
API = NodePort(
    port=30080, purpose="the API", service=ObjectRef("Service", "envoy", "gateway"), remedy="kubectl rollout restart x"
)


def stamp(ago: float) -> str:
    return datetime.fromtimestamp(NOW - ago, UTC).isoformat().replace("+00:00", "Z")


def thing(kind: str, name: str, namespace: str | None = SYSTEM, **parts: Any) -> KubeObject:
    meta = {"name": name, "uid": f"{kind}-{name}", "creationTimestamp": stamp(9000), **parts.pop("metadata", {})}
    return {"kind": kind, "metadata": {**meta, **({"namespace": namespace} if namespace else {})}, **parts}


def node(
    status: str = "True", message: str = "kubelet is posting ready status", *, ago: float = 600, **more: str
) -> Any:
    ready = {"type": "Ready", "status": status, "reason": "R", "message": message, "lastTransitionTime": stamp(ago)}
    pressures = [{"type": kind, "status": each, "reason": "Why"} for kind, each in more.items()]
    meta = {"labels": {"node-role.kubernetes.io/control-plane": ""}}
    spec = {"providerID": f"kind://docker/plexsphere/{NODE}"}
    return thing("Node", NODE, None, metadata=meta, spec=spec, status={"conditions": [*pressures, ready]})


def service(name: str, namespace: str = SYSTEM, number: int | None = None, kind: str = "NodePort") -> KubeObject:
    ports = [{"port": 53, **({"nodePort": number} if number else {})}]
    meta = {"managedFields": [{"manager": "x", "time": stamp(60), "fieldsV1": {}}]}
    return thing("Service", name, namespace, metadata=meta, spec={"type": kind, "selector": {"a": "b"}, "ports": ports})


def endpoints(of: str, namespace: str = SYSTEM, *, ready: bool = True) -> KubeObject:
    meta = {"labels": {"kubernetes.io/service-name": of}}
    return thing("EndpointSlice", of, namespace, metadata=meta, endpoints=[{"conditions": {"ready": ready}}])


def proxy(wanted: int = 1, there: int = 1) -> KubeObject:
    status = {"desiredNumberScheduled": wanted, "updatedNumberScheduled": there, "numberAvailable": there}
    return thing("DaemonSet", "kube-proxy", spec={}, status=status)


WELL = {
    "node": node(),
    "dns": service("kube-dns", kind="ClusterIP"),
    "dns endpoints": endpoints("kube-dns"),
    "proxy": proxy(),
    "api": service("envoy", "gateway", 30080),
    "api endpoints": endpoints("envoy", "gateway"),
}
