"""The readiness rules: pure functions from an object and the objects around it to a status, after kstatus."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from pytest_plexdev.core.model import Verdict
from pytest_plexdev.kube.resources import KubeObject
from pytest_plexdev.readiness.object_cache import ObjectCache
from pytest_plexdev.readiness.object_ref import ObjectRef
from pytest_plexdev.readiness.object_status import ObjectStatus
from pytest_plexdev.readiness.rules import external_secrets, gateway, jobs, nodes, platform, pods, workloads

Rule: TypeAlias = Callable[[ObjectRef, KubeObject, ObjectCache], ObjectStatus]

RULES: Final[Mapping[str, Rule]] = {
    "Node": nodes.node,
    "Deployment": workloads.deployment,
    "StatefulSet": workloads.stateful_set,
    "DaemonSet": workloads.daemon_set,
    "Job": jobs.job,
    "Pod": pods.pod,
    "GatewayClass": gateway.gateway_class,
    "Gateway": gateway.gateway,
    "HTTPRoute": gateway.http_route,
    "SecretStore": external_secrets.secret_store,
    "ExternalSecret": external_secrets.external_secret,
    "CustomResourceDefinition": platform.custom_resource_definition,
    "Namespace": platform.namespace,
    "PersistentVolumeClaim": platform.persistent_volume_claim,
    "Service": platform.service,
}


def status_of(ref: ObjectRef, cache: ObjectCache) -> ObjectStatus:
    """Evaluate an object. One that does not exist is ``waiting``, as it may still be created."""
    item = cache.get(ref)
    if item is None:
        reason = f"the cluster has no kind {ref.kind} yet" if ref.kind in cache.unserved else "not created yet"
        return ObjectStatus(ref=ref, state="waiting", reason=reason, actual="absent", hint=f"kubectl get {ref.words}")
    found = RULES[ref.kind](ref, item, cache)
    if item["metadata"].get("deletionTimestamp") and not (ref.kind == "Job" and found.state == "ready"):
        return _being_deleted(ref, item)
    return found


def verdict_of(ref: ObjectRef, cache: ObjectCache, now: float) -> Verdict:
    """Evaluate an object as a verdict. *now* is the cluster's time in Unix seconds."""
    return status_of(ref, cache).verdict(now)


def _being_deleted(ref: ObjectRef, item: KubeObject) -> ObjectStatus:
    held = ", ".join(item["metadata"].get("finalizers") or ())
    reason = "is being deleted" + (f"; held by {held}" if held else "")
    return ObjectStatus(
        ref=ref, state="waiting", reason=reason, actual="deleted", hint=f"kubectl get {ref.words} -o yaml"
    )
