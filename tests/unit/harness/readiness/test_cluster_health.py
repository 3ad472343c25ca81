"""The parts of a cluster that a stack needs, each judged by its objects and by missing or odd ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import pytest
import yaml

from pytest_plexdev.core.deployment import deploy_directory
from pytest_plexdev.kube.resources import KubeObject
from pytest_plexdev.readiness import ObjectCache, ObjectRef, verdict_of
from pytest_plexdev.readiness.cluster_health import SYSTEM, ClusterHealth
from pytest_plexdev.readiness.grace import conclude
from pytest_plexdev.readiness.object_status import ObjectStatus
from pytest_plexdev.stack.kind.required_parts import health_of
from tests.support.cluster_health import API, WELL, endpoints, node, proxy, service, stamp, thing

NOW = 1_800_000_000.0
NODE = "plexsphere-control-plane"
OURS = ClusterHealth(node_ports=(API,), is_ours=True)
THEIRS = ClusterHealth()
EVERY_NODE = '[{"op": "replace", "path": "/spec/template/spec/nodeSelector", "value": {"kubernetes.io/os": "linux"}}]'
ITS_PORT = (
    '[{"op": "replace", "path": "/spec/type", "value": "NodePort"}, '
    '{"op": "add", "path": "/spec/ports/0/nodePort", "value": 30080}]'
)


def dns_servers(replicas: int, *, available: int = 0, scaled_ago: float = 60) -> KubeObject:
    entry = {"manager": "kube-controller-manager", "subresource": "status", "time": stamp(scaled_ago)}
    status = {"availableReplicas": available, "updatedReplicas": available, "replicas": available}
    return thing(
        "Deployment", "coredns", metadata={"managedFields": [entry]}, spec={"replicas": replicas}, status=status
    )


def judged(
    health: ClusterHealth = OURS, without: Sequence[str] = (), other: Mapping[str, KubeObject] = MappingProxyType({})
) -> dict[str, ObjectStatus]:
    """The statuses of one observation of a healthy cluster, except for the given objects."""
    objects = {**{name: item for name, item in WELL.items() if name not in without}, **other}
    found = conclude(health.statuses(ObjectCache(objects.values())), NOW)
    return {str(each.ref): each for each in found}


def test_a_cluster_that_is_well() -> None:
    found = judged()

    assert list(found) == [f"node/{NODE}", "service/kube-dns", "daemonset/kube-proxy", "nodeport/30080"]
    assert {each.state for each in found.values()} == {"ready"}


@pytest.mark.parametrize(
    ("without", "other", "part", "state", "reason", "hint"),
    [
        (
            [],
            {"node": node("Unknown", "Kubelet stopped posting node status.")},
            f"node/{NODE}",
            "doomed",
            "NotReady: R: Kubelet stopped posting node status.",
            f"docker exec {NODE} systemctl restart kubelet",
        ),
        (
            [],
            {"node": node("Unknown", "Kubelet stopped posting node status.", ago=2)},
            f"node/{NODE}",
            "waiting",
            "NotReady: R: Kubelet stopped posting node status.",
            f"docker exec {NODE} systemctl restart kubelet",
        ),
        (
            [],
            {"node": node("False", "cni plugin not initialized")},
            f"node/{NODE}",
            "doomed",
            "NotReady: R: cni plugin not initialized",
            f"kubectl describe node/{NODE}",
        ),
        (
            [],
            {"node": node(DiskPressure="True")},
            f"node/{NODE}",
            "waiting",
            "DiskPressure: Why",
            f"kubectl describe node/{NODE}",
        ),
        (
            ["dns endpoints"],
            {"servers": dns_servers(0)},
            "service/kube-dns",
            "doomed",
            "deployment/coredns is scaled to 0 replicas, so no name resolves",
            "kubectl scale -n kube-system deployment/coredns --replicas=2",
        ),
        (
            ["dns endpoints"],
            {"servers": dns_servers(0, scaled_ago=1)},
            "service/kube-dns",
            "waiting",
            "deployment/coredns is scaled to 0 replicas, so no name resolves",
            "kubectl scale -n kube-system deployment/coredns --replicas=2",
        ),
        (
            ["dns endpoints"],
            {"servers": dns_servers(2)},
            "service/kube-dns",
            "waiting",
            "no Pod of it answers, so no name resolves: deployment/coredns: no Pod yet",
            "kubectl describe -n kube-system deployment/coredns",
        ),
        (
            ["dns endpoints"],
            {},
            "service/kube-dns",
            "doomed",
            "deployment/coredns does not exist",
            f"docker exec {NODE} kubeadm init phase addon coredns --config /kind/kubeadm.conf",
        ),
        (
            ["dns"],
            {},
            "service/kube-dns",
            "doomed",
            "it does not exist",
            f"docker exec {NODE} kubeadm init phase addon coredns --config /kind/kubeadm.conf",
        ),
        (
            ["proxy"],
            {},
            "daemonset/kube-proxy",
            "doomed",
            "it does not exist",
            f"docker exec {NODE} kubeadm init phase addon kube-proxy --config /kind/kubeadm.conf",
        ),
        (
            [],
            {"proxy": proxy(wanted=0)},
            "daemonset/kube-proxy",
            "doomed",
            "it runs on no node, so no Service is reachable",
            f"kubectl patch -n kube-system daemonset/kube-proxy --type=json -p '{EVERY_NODE}'",
        ),
        (
            [],
            {"proxy": proxy(there=0)},
            "daemonset/kube-proxy",
            "waiting",
            "no Pod yet",
            "kubectl describe -n kube-system daemonset/kube-proxy",
        ),
        (
            [],
            {"api": service("envoy", "gateway", 31234)},
            "nodeport/30080",
            "doomed",
            "service/envoy has 31234 instead, so nothing answers for the API",
            f"kubectl patch -n gateway service/envoy --type=json -p '{ITS_PORT}'",
        ),
        (
            [],
            {"api": service("envoy", "gateway", kind="ClusterIP")},
            "nodeport/30080",
            "doomed",
            "service/envoy is of type ClusterIP instead, so nothing answers for the API",
            f"kubectl patch -n gateway service/envoy --type=json -p '{ITS_PORT}'",
        ),
        (
            ["api"],
            {},
            "nodeport/30080",
            "waiting",
            "no Service has this NodePort, so nothing answers for the API",
            "kubectl rollout restart x",
        ),
        (
            ["api endpoints"],
            {},
            "nodeport/30080",
            "waiting",
            "service/envoy: no Pod has its labels a=b",
            "kubectl get -n gateway pods -l a=b",
        ),
    ],
)
def test_a_part_that_is_not_well_says_why_and_what_mends_it(
    without: list[str], other: dict[str, KubeObject], part: str, state: str, reason: str, hint: str
) -> None:
    found = judged(OURS, without, other)
    verdict = found[part].verdict(NOW)

    assert (verdict.state, verdict.reason, verdict.hint) == (state, reason, hint)
    assert [name for name, each in found.items() if each.state != "ready"] == [part]


def test_a_service_that_has_another_name_may_have_the_port() -> None:
    theirs = {"api": service("gateway", "product", 30080), "api endpoints": endpoints("gateway", "product")}

    assert judged(OURS, (), theirs)["nodeport/30080"].state == "ready"


def test_one_unready_node_of_several_does_not_end_the_wait() -> None:
    other = thing("Node", "worker", None, spec={}, status=node("Unknown", "silent")["status"])

    found = judged(OURS, (), {"worker": other})

    assert (found["node/worker"].state, found["node/worker"].hint) == ("waiting", "kubectl describe node/worker")


def test_a_strangers_cluster_may_lack_what_kubeadm_makes() -> None:
    assert judged(THEIRS, ["dns", "proxy", "api"]).keys() == {f"node/{NODE}"}


def test_what_may_not_be_listed_is_said_and_fails_nothing() -> None:
    cache = ObjectCache()
    cache.refused = {("Node", None), ("EndpointSlice", SYSTEM), ("DaemonSet", SYSTEM), ("Event", "default")}

    found = {str(each.ref): (each.state, each.is_unseen, each.explanation) for each in THEIRS.statuses(cache)}

    assert found == {
        "node/*": ("ready", True, "not looked at: this user may not list nodes"),
        "service/kube-dns": ("ready", True, "not looked at: this user may not list endpointslices in kube-system"),
        "daemonset/kube-proxy": ("ready", True, "not looked at: this user may not list daemonsets in kube-system"),
    }


def test_a_pod_on_a_silent_node_names_the_node() -> None:
    ready = {"type": "Ready", "status": "False", "lastTransitionTime": stamp(30)}
    scheduled = {"type": "PodScheduled", "status": "True", "lastTransitionTime": stamp(900)}
    output = [{"name": "main", "ready": True, "state": {"running": {"startedAt": stamp(800)}}}]
    status = {"phase": "Running", "conditions": [ready, scheduled], "containerStatuses": output}
    pod = thing("Pod", "p", "default", spec={"nodeName": NODE, "containers": [{"name": "main"}]}, status=status)
    silent = node("Unknown", "Kubelet stopped posting node status.")

    verdict = verdict_of(ObjectRef("Pod", "p", "default"), ObjectCache([pod, silent]), NOW)

    assert verdict.reason.startswith(f"its node is not ready: node/{NODE}: NotReady: R: Kubelet stopped")
    assert verdict.hint == f"docker exec {NODE} systemctl restart kubelet"


def test_our_node_ports_are_those_that_kind_maps() -> None:
    (machine,) = yaml.safe_load((deploy_directory() / "kind.yaml").read_text())["nodes"]

    mapped = [each["containerPort"] for each in machine["extraPortMappings"]]
    assert [each.port for each in health_of(owned=True).node_ports] == mapped
    assert health_of(owned=False).node_ports == ()
