"""Rules of Nodes, Services and definitions, and the order of waiting."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_plexdev.kube.resources import KubeObject
from pytest_plexdev.readiness.object_cache import ObjectCache
from pytest_plexdev.readiness.object_ref import ObjectRef, refs_of
from pytest_plexdev.readiness.rules import status_of, verdict_of
from tests.support.readiness_rules import condition


def item_of(kind: str, spec: Any = None, status: Any = None) -> KubeObject:
    return {"kind": kind, "metadata": {"name": "x", "namespace": "default"}, "spec": spec or {}, "status": status or {}}


def slice_of(*ready: bool | None) -> KubeObject:
    found = item_of("EndpointSlice")
    found["metadata"]["labels"] = {"kubernetes.io/service-name": "x"}
    return {**found, "endpoints": [{"conditions": {"ready": each}} for each in ready]}


PLATFORM: dict[str, tuple[list[KubeObject], str]] = {
    "no word on a definition": ([item_of("CustomResourceDefinition")], "waiting not established yet"),
    "an established definition": (
        [item_of("CustomResourceDefinition", None, {"conditions": [{"type": "Established", "status": "True"}]})],
        "ready ",
    ),
    "a definition whose names are taken": (
        [
            item_of(
                "CustomResourceDefinition",
                None,
                {
                    "conditions": [
                        {"type": "NamesAccepted", "status": "False", "reason": "Conflict", "message": "taken"}
                    ]
                },
            )
        ],
        "doomed Conflict: taken",
    ),
    "a namespace": ([item_of("Namespace", None, {"phase": "Active"})], "ready "),
    "a namespace that ends": ([item_of("Namespace", None, {"phase": "Terminating"})], "waiting "),
    "a bound claim": ([item_of("PersistentVolumeClaim", None, {"phase": "Bound"})], "ready "),
    "a claim without a volume": ([item_of("PersistentVolumeClaim")], "waiting no volume yet"),
    "a claim whose volume is gone": (
        [item_of("PersistentVolumeClaim", None, {"phase": "Lost"})],
        "doomed its volume is lost",
    ),
    "a Service without a selector": ([item_of("Service")], "ready "),
    "a Service with an endpoint": ([item_of("Service", {"selector": {"app": "x"}}), slice_of(False, True)], "ready "),
    "a Service whose endpoint says nothing": (
        [item_of("Service", {"selector": {"app": "x"}}), slice_of(None)],
        "ready ",
    ),
    "a Service without a Pod": (
        [item_of("Service", {"selector": {"app": "x"}}), slice_of(False)],
        "waiting no Pod has its labels app=x",
    ),
}


@pytest.mark.parametrize("case", PLATFORM)
def test_what_everything_else_stands_on(case: str) -> None:
    items, expected = PLATFORM[case]

    assert condition(status_of(ObjectRef.of(items[0]), ObjectCache(items))) == expected


def test_what_is_not_there_is_waited_for() -> None:
    ref = ObjectRef("Gateway", "g", "default")
    cache = ObjectCache()
    assert verdict_of(ref, cache, 0.0).reason == "not created yet"
    cache.unserved.add("Gateway")
    verdict = verdict_of(ref, cache, 0.0)
    assert (verdict.state, verdict.reason) == ("waiting", "the cluster has no kind Gateway yet")
    assert verdict.hint == "kubectl get -n default gateways.gateway.networking.k8s.io/g"


def test_only_kinds_with_readiness_are_awaited_in_order() -> None:
    objects = [
        item_of("HTTPRoute"),
        item_of("ConfigMap"),
        item_of("Deployment"),
        item_of("Namespace"),
        item_of("Deployment"),
    ]

    assert [str(ref) for ref in refs_of(objects)] == ["namespace/x", "deployment/x", "httproute/x"]


def test_an_init_container_is_data_and_is_printed_as_one() -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "api", "namespace": "default", "uid": "1"},
        "spec": {"initContainers": [{"name": "wait-for-deps", "image": "x"}], "containers": [{"name": "api"}]},
        "status": {
            "phase": "Pending",
            "conditions": [{"type": "PodScheduled", "status": "True"}],
            "initContainerStatuses": [{"name": "wait-for-deps", "state": {"running": {}}}],
        },
    }
    found = status_of(ObjectRef("Pod", "api", "default"), ObjectCache([pod]))

    assert (found.container, found.is_init) == ("wait-for-deps", True)
    assert found.explanation == "container init wait-for-deps: running"
