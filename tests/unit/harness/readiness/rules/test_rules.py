"""The rules, held against what a real cluster told on the way to each state."""

from __future__ import annotations

import re
from copy import deepcopy
from typing import Any

import pytest

from pytest_plexdev.readiness.grace import Patience, conclude
from pytest_plexdev.readiness.object_cache import ObjectCache
from pytest_plexdev.readiness.object_ref import Object, ObjectRef, refs_of
from pytest_plexdev.readiness.object_status import ObjectStatus
from pytest_plexdev.readiness.rules import status_of, verdict_of
from tests.unit.harness.readiness.replay import end, lines, moments, subject

POD = r"pod/\S+?"
ON_THE_WAY = (
    "not created yet",
    "its controller has not seen this generation yet",
    "no Pod yet",
    f"{POD}: not scheduled yet",
    rf"{POD}, container (main|init \S+): being created",
    "its Pods are ready, but its status is not updated yet",
)
"""What every workload may wait for, however short."""
PASSED: dict[str, tuple[str, ...]] = {
    "becomes-ready": (
        f"waiting {POD}, container main: not ready yet",
        f"waiting {POD}, container main: Readiness probe failed",
        "ready ",
    ),
    "waits-in-init": (f"waiting {POD}, container init wait-for-deps: running",),
    "fails-its-probe": (
        f"waiting {POD}, container main: not ready yet",
        f"waiting {POD}, container main: Readiness probe failed: not yet",
    ),
    "image-never-pulled": (
        f'doomed {POD}, container main: ErrImageNeverPull: Container image "nowhere:dev" is not present .*',
    ),
    "image-name-invalid": (f"doomed {POD}, container main: InvalidImageName: .*",),
    "registry-refuses": (
        f"waiting {POD}, container main: pulling image localhost:1/nothing:1",
        f"waiting {POD}, container main: ErrImagePull: .*",
        f"doomed {POD}, container main: (ErrImagePull|ImagePullBackOff): .*connection refused",
    ),
    "config-map-missing": (f'doomed {POD}, container main: CreateContainerConfigError: configmap "no-such" not found',),
    "secret-to-mount-missing": (f'doomed {POD}, container main: .*: secret "no-such" not found',),
    "program-missing": (
        f"waiting {POD}, container main: StartError, exit 128: .*/no-such-program.*; it will be restarted",
        f"doomed {POD}, container main: (CrashLoopBackOff, )?StartError, exit 128: .*, 2 times",
    ),
    "fails-twice": (
        "ready ",
        f"waiting {POD}, container main: exit 3; it will be restarted",
        f"waiting {POD}, container main: restarted after exit 3; not ready yet",
        f"doomed {POD}, container main: (CrashLoopBackOff, )?exit 3, 2 times",
    ),
    "init-fails-twice": (
        f"waiting {POD}, container init wait-for-it: running",
        f"waiting {POD}, container init wait-for-it: exit 4; it will be restarted",
        f"doomed {POD}, container init wait-for-it: (CrashLoopBackOff, )?exit 4, 2 times",
    ),
    "out-of-memory": (
        "ready ",
        f"waiting {POD}, container main: OOMKilled, exit 137 .its memory limit is 32Mi.; it will be restarted",
        f"doomed {POD}, container main: (CrashLoopBackOff, )?OOMKilled, exit 137 .its memory limit is 32Mi., 2 times",
    ),
    "too-large": (f"doomed {POD}: not scheduled: 0/1 nodes are available: 1 Insufficient cpu.",),
    "no-such-node": (f"doomed {POD}: not scheduled: 0/1 nodes are available: .*node affinity/selector.",),
    "service-account-missing": ('doomed FailedCreate: .*serviceaccount "no-such" not found',),
    "job-completes": (
        f"waiting {POD}: its containers have finished, but its status is not updated yet",
        "waiting its Pod has finished, but its status is not updated yet",
        "ready ",
    ),
    "job-fails": (
        f"waiting {POD}, container main: exit 5",
        f"doomed BackoffLimitExceeded: .*: {POD}, container main: exit 5",
    ),
    "job-fails-twice": (
        f"waiting {POD}, container main: exit 5",
        f"doomed [234] Pods failed: {POD}, container main: exit 5",
    ),
}
"""All that may be said besides :data:`ON_THE_WAY`; the last one is what it comes to."""
GATEWAYS = {
    "gatewayclass/eg": ("ready", ""),
    "gatewayclass/foreign": ("waiting", "its controller example.com/nobody has not answered"),
    "gatewayclass/badparams": ("doomed", 'InvalidParameters: .*EnvoyProxy.gateway.envoyproxy.io "missing" not found'),
    "gateway/plexsphere": ("ready", ""),
    "gateway/good": ("waiting", "NoResources: Envoy replicas unavailable"),
    "gateway/conflict": ("waiting", "AddressNotAssigned: .*"),
    "gateway/cert": ("doomed", "listener tls: InvalidCertificateRef: Secret gw/no-such does not exist."),
    "gateway/noclass": ("waiting", "no controller of its class nowhere has answered"),
    "gateway/bad": ("waiting", "AddressNotAssigned: .*: gatewayclass/badparams: InvalidParameters: .*"),
    "httproute/plexsphere": ("ready", ""),
    "httproute/good": ("ready", ""),
    "httproute/nobackend": ("doomed", "BackendNotFound: .* service gw/no-such not found."),
    "httproute/nosection": ("doomed", "NoMatchingParent: No listeners match this parent ref"),
    "httproute/nogateway": ("waiting", "Gateway no-such has not answered for it"),
}


def said(found: ObjectStatus) -> str:
    return f"{found.state} {found.explanation}"


@pytest.mark.parametrize("case", PASSED)
def test_what_is_said_on_the_way_to_a_state_and_in_it(case: str) -> None:
    allowed = re.compile("|".join((*(f"waiting {each}" for each in ON_THE_WAY), *PASSED[case])))
    told = [said(status_of(subject(case), cache)) for cache in moments(case)]

    assert [each for each in told if not allowed.fullmatch(each)] == []
    assert re.fullmatch(PASSED[case][-1], told[-1])


@pytest.mark.parametrize("name", GATEWAYS)
def test_gateways_as_envoy_gateway_tells_of_them(name: str) -> None:
    cache = end("gateway")
    (ref,) = (ref for ref in refs_of(lines("gateway")) if str(ref) == name)
    state, reason = GATEWAYS[name]
    found = status_of(ref, cache)

    assert found.state == state
    assert re.fullmatch(reason, found.explanation)


def test_what_was_said_of_an_older_generation_does_not_count() -> None:
    for name in ("gateway/plexsphere", "httproute/plexsphere", "gatewayclass/eg"):
        cache = end("gateway")
        (ref,) = (ref for ref in refs_of(lines("gateway")) if str(ref) == name)
        item = cache.get(ref)
        assert item is not None
        item["metadata"]["generation"] += 1

        assert said(status_of(ref, cache)) == "waiting Accepted is reported for an older generation"


def test_a_route_waits_for_every_parent_that_it_names() -> None:
    cache = end("gateway")
    ref = ObjectRef("HTTPRoute", "plexsphere", "default")
    item = cache.get(ref)
    assert item is not None
    item["spec"]["parentRefs"].append({"name": "other"})

    assert said(status_of(ref, cache)) == "waiting Gateway other has not answered for it"


def ready_deployment() -> tuple[ObjectRef, dict[str, Object]]:
    """A Deployment that is ready, with its ReplicaSet and Pod, to change one thing of it."""
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

    assert said(status_of(ref, ObjectCache(items.values()))) == expected


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

    assert said(seen) == "waiting scaled to 0 replicas"
    assert seen.hint == "kubectl scale -n default deployment/good --replicas=1"
    # Nobody comes and scales it up while one waits.
    patience = Patience(0.0)
    assert patience.look([ref], ObjectCache(items.values()), 100.0)[0].state == "waiting"
    assert patience.look([ref], ObjectCache(items.values()), 105.0)[0].state == "doomed"


def test_a_pod_that_fell_over_counts_before_its_deployment_says_so() -> None:
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
        said(status_of(ref, ObjectCache(items.values()))),
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
        said(status_of(ref, ObjectCache([item, items["pod"]])))
        == "waiting its Pods are ready, but its status is not updated yet"
    )
    status["currentRevision"] = "new"
    assert status_of(ref, ObjectCache([item, items["pod"]])).state == "ready"


def test_a_stateful_set_held_up_by_an_old_pod_says_what_to_delete() -> None:
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


def test_a_cordoned_node_is_named_with_what_lets_it_take_pods_again() -> None:
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


def test_a_pod_that_its_node_s_taint_keeps_away_is_explained_by_that_node() -> None:
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


def maker(**status: Any) -> Object:
    return {
        "kind": "Job",
        "metadata": {"name": "certgen", "namespace": "default", "uid": "j"},
        "spec": {},
        "status": status,
    }


@pytest.mark.parametrize("case", ["secret-to-mount-missing", "config-map-missing"])
def test_what_a_job_may_still_make_is_waited_for(case: str) -> None:
    def with_job(*items: Object) -> str:
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


def item_of(kind: str, spec: Any = None, status: Any = None) -> Object:
    return {"kind": kind, "metadata": {"name": "x", "namespace": "default"}, "spec": spec or {}, "status": status or {}}


def slice_of(*ready: bool | None) -> Object:
    found = item_of("EndpointSlice")
    found["metadata"]["labels"] = {"kubernetes.io/service-name": "x"}
    return {**found, "endpoints": [{"conditions": {"ready": each}} for each in ready]}


PLATFORM: dict[str, tuple[list[Object], str]] = {
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

    assert said(status_of(ObjectRef.of(items[0]), ObjectCache(items))) == expected


def test_what_is_not_there_is_waited_for() -> None:
    ref = ObjectRef("Gateway", "g", "default")
    cache = ObjectCache()
    assert verdict_of(ref, cache, 0.0).reason == "not created yet"
    cache.unserved.add("Gateway")
    verdict = verdict_of(ref, cache, 0.0)
    assert (verdict.state, verdict.reason) == ("waiting", "the cluster has no kind Gateway yet")
    assert verdict.hint == "kubectl get -n default gateways.gateway.networking.k8s.io/g"


def test_only_what_has_a_readiness_is_waited_for_in_the_order_of_need() -> None:
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
