"""Rules of Deployments and StatefulSets."""

from __future__ import annotations

import re
from copy import deepcopy
from typing import Any

import pytest

from pytest_plexdev.kube.resources import KubeObject
from pytest_plexdev.kube.timestamps import seconds
from pytest_plexdev.readiness.grace import Patience, conclude
from pytest_plexdev.readiness.object_cache import ObjectCache
from pytest_plexdev.readiness.object_ref import ObjectRef
from pytest_plexdev.readiness.rules import status_of
from tests.support.readiness_rules import condition
from tests.support.recordings import end, subject

POD = r"pod/\S+?"


def ready_deployment() -> tuple[ObjectRef, dict[str, KubeObject]]:
    """A ready Deployment with its ReplicaSet and Pod, in which a test changes one thing."""
    cache, ref = end("becomes-ready"), subject("becomes-ready")
    item = cache.get(ref)
    assert item is not None
    (replica_set,) = cache.owned(item, "ReplicaSet")
    (pod,) = cache.owned(replica_set, "Pod")
    return ref, {"deployment": deepcopy(item), "set": deepcopy(replica_set), "pod": deepcopy(pod)}


DEPLOYMENTS: dict[str, tuple[str, dict[str, Any], str]] = {
    "nothing": ("deployment", {}, "ready "),
    "a generation that nobody has seen": (
        "deployment",
        {"metadata": {"generation": 9}},
        "waiting its controller has not seen this generation yet",
    ),
    "too few are updated": (
        "deployment",
        {"status": {"updatedReplicas": 0}},
        "waiting its Pods are ready, but its status is not updated yet",
    ),
    "old ones are still there": (
        "deployment",
        {"status": {"replicas": 2}},
        "waiting 1 Pods of the last revision are still ending",
    ),
    "too few are available": (
        "deployment",
        {"status": {"availableReplicas": 0}},
        "waiting its Pods are ready, but its status is not updated yet",
    ),
    "none is wanted": ("deployment", {"spec": {"replicas": 0}}, "ready "),
    "it is being deleted": (
        "deployment",
        {"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["x/y"]}},
        "waiting is being deleted; held by x/y",
    ),
    "its Pod is of another revision": (
        "set",
        {"metadata": {"annotations": {"deployment.kubernetes.io/revision": "0"}}},
        "ready ",
    ),
    "it was not in time": (
        "deployment",
        {
            "status": {
                "availableReplicas": 0,
                "conditions": [
                    {
                        "type": "Progressing",
                        "status": "False",
                        "reason": "ProgressDeadlineExceeded",
                        "message": "late",
                        "lastTransitionTime": "2026-01-01T00:00:00Z",
                    }
                ],
            }
        },
        "doomed ProgressDeadlineExceeded: late",
    ),
}


@pytest.mark.parametrize("change", DEPLOYMENTS)
def test_a_ready_deployment_of_which_one_thing_is_another(change: str) -> None:
    ref, items = ready_deployment()
    which, parts, expected = DEPLOYMENTS[change]
    for member, values in parts.items():
        items[which][member].update(values)

    assert condition(status_of(ref, ObjectCache(items.values()))) == expected


def test_a_deployment_that_somebody_scaled_away_is_not_ready() -> None:
    ref, items = ready_deployment()
    items["deployment"]["spec"]["replicas"] = 0
    items["deployment"]["metadata"]["managedFields"] = [
        {"manager": "plexdev", "operation": "Apply", "fieldsV1": {"f:spec": {"f:replicas": {}}}},
    ]
    assert status_of(ref, ObjectCache(items.values())).state == "ready", "a manifest may want none"

    items["deployment"]["metadata"]["managedFields"] = [
        {"manager": "plexdev", "operation": "Apply", "fieldsV1": {"f:spec": {"f:template": {}}}},
    ]
    found = status_of(ref, ObjectCache(items.values()))
    (seen,) = conclude([found], 1e12)

    assert condition(seen) == "waiting scaled to 0 replicas"
    assert seen.hint == "kubectl scale -n default deployment/good --replicas=1"
    # Waiting does not scale it up.
    patience = Patience(0.0)
    assert patience.look([ref], ObjectCache(items.values()), 100.0)[0].state == "waiting"
    assert patience.look([ref], ObjectCache(items.values()), 105.0)[0].state == "doomed"


def test_a_failed_pod_counts_before_its_deployment_reports_it() -> None:
    ref, items = ready_deployment()
    items["pod"]["status"]["conditions"] = [
        {**each, "status": "False"} if each["type"] in ("Ready", "ContainersReady") else each
        for each in items["pod"]["status"]["conditions"]
    ]
    items["pod"]["status"]["containerStatuses"][0] |= {
        "ready": False,
        "state": {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": "2026-01-01T00:00:00Z"}},
    }

    assert re.fullmatch(
        rf"waiting {POD}, container main: exit 1; it will be restarted",
        condition(status_of(ref, ObjectCache(items.values()))),
    )


def test_a_stateful_set_waits_for_its_newest_revision() -> None:
    _, items = ready_deployment()
    owner = {"kind": "StatefulSet", "name": "postgres", "uid": "s"}
    items["pod"]["metadata"] |= {"ownerReferences": [owner], "labels": {"controller-revision-hash": "old"}}
    status = {
        "observedGeneration": 2,
        "replicas": 1,
        "readyReplicas": 1,
        "currentRevision": "old",
        "updateRevision": "new",
    }
    item = {
        "kind": "StatefulSet",
        "metadata": {"name": "postgres", "namespace": "default", "uid": "s", "generation": 2},
        "spec": {"replicas": 1},
        "status": status,
    }
    ref = ObjectRef("StatefulSet", "postgres", "default")

    assert (
        condition(status_of(ref, ObjectCache([item, items["pod"]])))
        == "waiting its Pods are ready, but its status is not updated yet"
    )
    status["currentRevision"] = "new"
    assert status_of(ref, ObjectCache([item, items["pod"]])).state == "ready"


def test_a_stateful_set_blocked_by_an_old_pod_names_the_pod() -> None:
    cache, ref = end("fails-twice"), subject("fails-twice")
    (pod,) = cache.of_kind("Pod")
    pod["metadata"] |= {"ownerReferences": [{"uid": "s"}], "labels": {"controller-revision-hash": "old"}}
    item = {
        "kind": "StatefulSet",
        "metadata": {"name": "postgres", "namespace": ref.namespace, "uid": "s", "generation": 2},
        "spec": {},
        "status": {"observedGeneration": 2, "replicas": 1, "updateRevision": "new"},
    }
    found = status_of(ObjectRef("StatefulSet", "postgres", ref.namespace), ObjectCache([item, pod]))

    assert found.state == "doomed"
    assert found.reason == "its Pod is of the last revision, and is replaced only once it is ready"
    assert found.hint == f"kubectl delete -n default pod/{pod['metadata']['name']}"


OLD, REPLACED = "2026-11-29T10:00:00Z", "2026-11-29T21:01:45Z"


def stateful_set(pod: KubeObject) -> tuple[ObjectRef, ObjectCache]:
    """A StatefulSet since OLD, without a ready replica, and its Pod."""
    meta = {"name": "seaweedfs", "namespace": "default", "uid": "set", "creationTimestamp": OLD}
    item = {"kind": "StatefulSet", "metadata": meta, "spec": {"replicas": 1}, "status": {"replicas": 1}}
    owner = {"ownerReferences": [{"uid": "set"}], "name": "seaweedfs-0", "namespace": "default"}
    spec: KubeObject = {"containers": []}
    owned = {"kind": "Pod", "spec": spec, "status": {}, **pod, "metadata": {**owner, **pod["metadata"]}}
    return ObjectRef.of(item), ObjectCache([item, owned])


@pytest.mark.parametrize(
    "pod",
    [
        {"metadata": {"creationTimestamp": REPLACED}},
        {
            "metadata": {"creationTimestamp": OLD},
            "status": {"conditions": [{"type": "Ready", "status": "False", "lastTransitionTime": REPLACED}]},
        },
        {
            "metadata": {
                "creationTimestamp": OLD,
                "deletionTimestamp": "2026-11-29T21:02:15Z",
                "deletionGracePeriodSeconds": 30,
            }
        },
        {
            "metadata": {"creationTimestamp": OLD},
            "status": {
                "phase": "Running",
                "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": REPLACED}],
            },
        },
    ],
    ids=["new", "not ready any more", "being deleted", "ready, not counted yet"],
)
def test_a_stateful_set_waits_since_its_pod_changed(pod: KubeObject) -> None:
    ref, cache = stateful_set(pod)

    found = status_of(ref, cache)

    assert (found.state, found.since) == ("waiting", seconds(REPLACED))


@pytest.mark.parametrize("status", ["True", "False"])
def test_a_deployment_counts_from_its_newest_pod(status: str) -> None:
    """A rollout leaves its condition Available as it is."""
    ref, parts = ready_deployment()
    available = {"type": "Available", "status": "True", "lastTransitionTime": OLD}
    parts["deployment"]["status"]["conditions"] = [available]
    parts["pod"]["status"]["conditions"] = [{"type": "Ready", "status": status, "lastTransitionTime": REPLACED}]

    found = status_of(ref, ObjectCache(parts.values()))

    assert (found.state, found.since) == ("ready" if status == "True" else "waiting", seconds(REPLACED))
