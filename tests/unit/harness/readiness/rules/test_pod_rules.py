"""Rules of Pods and Jobs."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from pytest_plexdev.kube.resources import KubeObject
from pytest_plexdev.readiness.object_ref import ObjectRef
from pytest_plexdev.readiness.rules import status_of
from tests.support.recordings import end, subject

UNSCHEDULED = {
    "0/1 nodes are available: 1 Insufficient memory.": ("doomed", 3.0),
    "0/3 nodes are available: 3 Insufficient cpu.": ("doomed", 60.0),
    "0/1 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/disk-pressure: }.": ("doomed", 3.0),
    "0/1 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/not-ready: }.": ("waiting", 0.0),
    "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.": ("waiting", 0.0),
}


@pytest.mark.parametrize("message", UNSCHEDULED)
def test_what_the_scheduler_says_passes_or_is_for_good(message: str) -> None:
    cache = end("too-large")
    (pod,) = cache.of_kind("Pod")
    (scheduled,) = pod["status"]["conditions"]
    scheduled["message"] = message
    found = status_of(subject("too-large"), cache)

    assert (found.state, found.grace if found.state == "doomed" else 0.0) == UNSCHEDULED[message]
    leaving = deepcopy(pod)
    leaving["metadata"] |= {"name": "leaving", "deletionTimestamp": "2026-01-01T00:00:00Z", "ownerReferences": []}
    cache.put(ObjectRef.of(leaving), leaving)
    assert status_of(subject("too-large"), cache).state == "waiting"


def test_a_cordoned_node_is_named_with_the_uncordon_command() -> None:
    cache = end("too-large")
    (pod,) = cache.of_kind("Pod")
    pod["status"]["conditions"][0]["message"] = "0/1 nodes are available: 1 node(s) were unschedulable."
    for name, cordoned in (("open", False), ("shut", True)):
        cache.put(
            ObjectRef("Node", name),
            {"kind": "Node", "metadata": {"name": name}, "spec": {"unschedulable": True} if cordoned else {}},
        )

    assert status_of(subject("too-large"), cache).deepest.hint == "kubectl uncordon shut"
    assert status_of(subject("too-large"), cache).deepest.is_obstacle


def test_a_tainted_node_explains_its_unscheduled_pod() -> None:
    cache = end("too-large")
    (pod,) = cache.of_kind("Pod")
    taint = "{node.kubernetes.io/unreachable: }"
    pod["status"]["conditions"][0]["message"] = f"0/1 nodes are available: 1 node(s) had untolerated taint {taint}."
    silent = {"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown"}
    node = {"metadata": {"name": "n"}, "spec": {"providerID": "kind://docker/c/n"}, "status": {"conditions": [silent]}}
    cache.put(ObjectRef("Node", "n"), {"kind": "Node", **node})

    found = status_of(subject("too-large"), cache)

    assert found.state == "waiting"
    assert found.deepest.ref == ObjectRef("Node", "n")
    assert found.deepest.hint == "docker exec n systemctl restart kubelet"


@pytest.mark.parametrize(
    ("refusal", "hint"),
    [
        (
            'pods "x" is forbidden: exceeded quota: small, requested: pods=1, used: pods=0, limited: pods=0',
            "kubectl edit resourcequota small -n default",
        ),
        (
            'admission webhook "w.example.com" denied the request: no',
            "kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations",
        ),
    ],
)
def test_what_refuses_pods_is_named_with_what_mends_it(refusal: str, hint: str) -> None:
    cache = end("service-account-missing")
    for item in (*cache.of_kind("Deployment"), *cache.of_kind("Event")):
        if "message" in item:
            item["message"] = refusal
        for each in (item.get("status") or {}).get("conditions") or ():
            each["message"] = refusal

    assert status_of(subject("service-account-missing"), cache).deepest.hint == hint


def maker(**status: Any) -> KubeObject:
    return {
        "kind": "Job",
        "metadata": {"name": "certgen", "namespace": "default", "uid": "j"},
        "spec": {},
        "status": status,
    }


@pytest.mark.parametrize("case", ["secret-to-mount-missing", "config-map-missing"])
def test_what_a_job_may_still_make_is_waited_for(case: str) -> None:
    def with_job(*items: KubeObject) -> str:
        cache = end(case)
        for item in items:
            cache.put(ObjectRef.of(item), item)
        return status_of(subject(case), cache).state

    assert with_job() == "doomed"
    assert with_job(maker(active=1)) == "waiting"
    assert with_job(maker(completionTime="2100-01-01T00:00:00Z")) == "waiting"
    assert with_job(maker(completionTime="2020-01-01T00:00:00Z")) == "doomed"
    assert with_job(maker(conditions=[{"type": "Failed", "status": "True"}])) == "doomed"
    waits = end("waits-in-init").of_kind("Pod")[0]
    waits["metadata"]["ownerReferences"] = [{"uid": "j"}]
    assert with_job(maker(active=1), waits) == "doomed"
