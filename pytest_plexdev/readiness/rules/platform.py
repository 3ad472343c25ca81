"""Prerequisites of workloads: CRDs, namespaces, storage, Services."""

from __future__ import annotations

from typing import Final

from pytest_plexdev.kube.resources import KubeObject
from pytest_plexdev.kube.timestamps import seconds
from pytest_plexdev.readiness.object_cache import ObjectCache
from pytest_plexdev.readiness.object_ref import ObjectRef
from pytest_plexdev.readiness.object_status import ObjectStatus
from pytest_plexdev.readiness.rules.conditions import changed_at, condition, explanation, is_false, is_true, one_line
from pytest_plexdev.readiness.rules.pods import pod

_STORAGE_GRACE: Final = 5.0
"""Seconds for which a provisioner may fail: the StorageClass may be applied after the claim."""


def custom_resource_definition(ref: ObjectRef, item: KubeObject, _cache: ObjectCache) -> ObjectStatus:
    """Ready once the API server serves the kind."""
    status = item.get("status") or {}
    established = condition(status, "Established")
    hint = f"kubectl get {ref.words} -o yaml"
    if is_true(established):
        return ObjectStatus(ref=ref, state="ready", expected="established", since=changed_at(established))
    names = condition(status, "NamesAccepted")
    if is_false(names):
        return ObjectStatus(
            ref=ref,
            state="doomed",
            expected="established",
            reason=explanation(names),
            since=changed_at(names),
            hint=hint,
        )
    return ObjectStatus(ref=ref, state="waiting", expected="established", reason="not established yet", hint=hint)


def namespace(ref: ObjectRef, item: KubeObject, _cache: ObjectCache) -> ObjectStatus:
    """Ready unless it is terminating."""
    phase = (item.get("status") or {}).get("phase", "Active")
    if phase == "Active":
        return ObjectStatus(ref=ref, state="ready", expected="active", since=_created(item))
    return ObjectStatus(
        ref=ref, state="waiting", expected="active", actual=phase, hint=f"kubectl get {ref.words} -o yaml"
    )


def persistent_volume_claim(ref: ObjectRef, item: KubeObject, cache: ObjectCache) -> ObjectStatus:
    """Ready once it is bound, doomed once its volume is lost."""
    phase = (item.get("status") or {}).get("phase", "Pending")
    if phase == "Bound":
        return ObjectStatus(ref=ref, state="ready", expected="bound", since=_created(item))
    hint = f"kubectl describe {ref.words}"
    if phase == "Lost":
        return ObjectStatus(
            ref=ref,
            state="doomed",
            expected="bound",
            actual=phase,
            reason="its volume is lost",
            hint=hint,
            is_final=True,
        )
    failed = cache.events(item, "ProvisioningFailed")
    events = failed or cache.events(item)
    return ObjectStatus(
        ref=ref,
        state="doomed" if failed else "waiting",
        reason=one_line(events[-1].get("message", "")) if events else "no volume yet",
        expected="bound",
        actual=phase,
        since=_created(item),
        hint=hint,
        grace=_STORAGE_GRACE,
    )


def service(ref: ObjectRef, item: KubeObject, cache: ObjectCache) -> ObjectStatus:
    """Ready once it has a ready endpoint, or if it has no selector."""
    selector = item["spec"].get("selector")
    if not selector or item["spec"].get("type") == "ExternalName":
        return ObjectStatus(ref=ref, state="ready", expected="endpoints", since=_created(item))
    count = sum(_ready_endpoints(each) for each in _slices(ref, cache))
    if count:
        return ObjectStatus(ref=ref, state="ready", expected="endpoints", actual=str(count), since=_created(item))
    behind = [pod(ObjectRef.of(each, "Pod"), each, cache) for each in cache.selected(selector, ref.namespace)]
    labels = ",".join(f"{name}={value}" for name, value in selector.items())
    cause = next((each for each in behind if each.state != "ready"), None)
    return ObjectStatus(
        ref=ref,
        # The owner of the Pods decides whether they are doomed; a Service only waits.
        state="waiting",
        reason="no Pod behind it is ready" if behind else f"no Pod has its labels {labels}",
        expected="endpoints",
        actual="0",
        since=_created(item),
        hint=f"kubectl get -n {ref.namespace} pods -l {labels}",
        cause=cause,
    )


def _slices(ref: ObjectRef, cache: ObjectCache) -> list[KubeObject]:
    return [
        each
        for each in cache.of_kind("EndpointSlice", ref.namespace)
        if (each["metadata"].get("labels") or {}).get("kubernetes.io/service-name") == ref.name
    ]


def _ready_endpoints(piece: KubeObject) -> int:
    # An endpoint without this condition counts as ready (Kubernetes API reference).
    found = (each.get("conditions") or {} for each in piece.get("endpoints") or ())
    return sum(each.get("ready") is not False for each in found)


def _created(item: KubeObject) -> float | None:
    return seconds(item["metadata"].get("creationTimestamp"))
