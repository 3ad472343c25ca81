"""What a stack needs of its cluster: each part by what the API server says of it, and by what it may not say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import pytest
import yaml

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.kube import KubeClient
from pytest_plexdev.readiness import ObjectCache, ObjectRef, cluster_health, verdict_of, verdicts_now, wait_ready
from pytest_plexdev.readiness.cluster_health import SYSTEM, ClusterHealth, NodePort
from pytest_plexdev.readiness.grace import conclude
from pytest_plexdev.readiness.object_ref import Object
from pytest_plexdev.readiness.object_status import ObjectStatus
from pytest_plexdev.readiness.quick_look import is_plainly_well
from pytest_plexdev.stack.kind.cluster.config import kind_file
from pytest_plexdev.stack.kind.health import health_of
from tests.unit.harness.readiness.replay import lines, subject
from tests.unit.harness.readiness.test_wait import Server

NOW = 1_800_000_000.0
NODE = "plexsphere-control-plane"
API = NodePort(
    port=30080, purpose="the API", service=ObjectRef("Service", "envoy", "gateway"), remedy="kubectl rollout restart x"
)
OURS = ClusterHealth(node_ports=(API,), is_ours=True)
THEIRS = ClusterHealth()
EVERY_NODE = '[{"op": "replace", "path": "/spec/template/spec/nodeSelector", "value": {"kubernetes.io/os": "linux"}}]'
ITS_PORT = (
    '[{"op": "replace", "path": "/spec/type", "value": "NodePort"}, '
    '{"op": "add", "path": "/spec/ports/0/nodePort", "value": 30080}]'
)


def stamp(ago: float) -> str:
    return datetime.fromtimestamp(NOW - ago, UTC).isoformat().replace("+00:00", "Z")


def thing(kind: str, name: str, namespace: str | None = SYSTEM, **parts: Any) -> Object:
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


def service(name: str, namespace: str = SYSTEM, number: int | None = None, kind: str = "NodePort") -> Object:
    ports = [{"port": 53, **({"nodePort": number} if number else {})}]
    meta = {"managedFields": [{"manager": "x", "time": stamp(60), "fieldsV1": {}}]}
    return thing("Service", name, namespace, metadata=meta, spec={"type": kind, "selector": {"a": "b"}, "ports": ports})


def endpoints(of: str, namespace: str = SYSTEM, *, ready: bool = True) -> Object:
    meta = {"labels": {"kubernetes.io/service-name": of}}
    return thing("EndpointSlice", of, namespace, metadata=meta, endpoints=[{"conditions": {"ready": ready}}])


def dns_servers(replicas: int, *, available: int = 0, scaled_ago: float = 60) -> Object:
    entry = {"manager": "kube-controller-manager", "subresource": "status", "time": stamp(scaled_ago)}
    status = {"availableReplicas": available, "updatedReplicas": available, "replicas": available}
    return thing(
        "Deployment", "coredns", metadata={"managedFields": [entry]}, spec={"replicas": replicas}, status=status
    )


def proxy(wanted: int = 1, there: int = 1) -> Object:
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


def judged(
    health: ClusterHealth = OURS, without: Sequence[str] = (), other: Mapping[str, Object] = MappingProxyType({})
) -> dict[str, ObjectStatus]:
    """What one look concludes, of a cluster that is well but for what is said."""
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
    without: list[str], other: dict[str, Object], part: str, state: str, reason: str, hint: str
) -> None:
    found = judged(OURS, without, other)
    verdict = found[part].verdict(NOW)

    assert (verdict.state, verdict.reason, verdict.hint) == (state, reason, hint)
    assert [name for name, each in found.items() if each.state != "ready"] == [part]


def test_a_service_that_has_another_name_may_have_the_port() -> None:
    theirs = {"api": service("gateway", "product", 30080), "api endpoints": endpoints("gateway", "product")}

    assert judged(OURS, (), theirs)["nodeport/30080"].state == "ready"


def test_of_several_nodes_one_that_is_not_ready_is_said_and_no_end() -> None:
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


def test_a_pod_whose_node_is_silent_says_that_and_not_that_it_was_not_counted() -> None:
    ready = {"type": "Ready", "status": "False", "lastTransitionTime": stamp(30)}
    scheduled = {"type": "PodScheduled", "status": "True", "lastTransitionTime": stamp(900)}
    said = [{"name": "main", "ready": True, "state": {"running": {"startedAt": stamp(800)}}}]
    status = {"phase": "Running", "conditions": [ready, scheduled], "containerStatuses": said}
    pod = thing("Pod", "p", "default", spec={"nodeName": NODE, "containers": [{"name": "main"}]}, status=status)
    silent = node("Unknown", "Kubelet stopped posting node status.")

    verdict = verdict_of(ObjectRef("Pod", "p", "default"), ObjectCache([pod, silent]), NOW)

    assert verdict.reason.startswith(f"its node is not ready: node/{NODE}: NotReady: R: Kubelet stopped")
    assert verdict.hint == f"docker exec {NODE} systemctl restart kubelet"


def test_our_node_ports_are_those_that_kind_maps() -> None:
    (machine,) = yaml.safe_load(kind_file().read_text())["nodes"]

    mapped = [each["containerPort"] for each in machine["extraPortMappings"]]
    assert [each.port for each in health_of(owned=True).node_ports] == mapped
    assert health_of(owned=False).node_ports == ()


class TestAgainstAServer:
    @pytest.fixture
    def server(self) -> Iterator[Server]:
        with Server() as server:
            server.put([*lines("becomes-ready"), *WELL.values()])
            yield server

    @pytest.fixture
    def client(self, server: Server) -> Iterator[KubeClient]:
        with KubeClient(server.api.access) as client:
            yield client

    def test_one_look_lists_each_kind_once_and_says_the_cluster_first(self, server: Server, client: KubeClient) -> None:
        verdicts = verdicts_now(client, [subject("becomes-ready")], health=OURS)

        assert (verdicts[0].name, verdicts[-1].name) == (f"node/{NODE}", "deployment/good")
        assert {each.state for each in verdicts} == {"ready"}
        assert set(server.api.lists.values()) == {1}
        assert not any("/kube-system/deployments" in path for path in server.api.lists)

    @pytest.mark.parametrize(
        "broken",
        [
            node("Unknown"),
            node(DiskPressure="True"),
            endpoints("kube-dns", ready=False),
            proxy(there=0),
            proxy(wanted=0, there=0),
        ],
        ids=lambda item: str(item["kind"]),
    )
    def test_a_quick_look_knows_what_is_plainly_well(self, server: Server, client: KubeClient, broken: Object) -> None:
        assert is_plainly_well(client)

        server.put([broken])
        assert not is_plainly_well(client)

    def test_a_wait_fails_by_the_cluster_and_not_by_who_needs_it(self, server: Server, client: KubeClient) -> None:
        server.put([*lines("fails-its-probe"), proxy(wanted=0)])

        with pytest.raises(PlexdevError) as raised:
            wait_ready(client, [subject("fails-its-probe")], timeout=5, health=OURS)

        assert raised.value.tag == "doomed-object"
        assert raised.value.what.startswith("daemonset/kube-proxy will not become ready (after ")
        assert " patch -n kube-system daemonset/kube-proxy " in raised.value.fix
        assert "deployment/unwell" in str(raised.value)

    def test_a_wait_returns_once_both_are_ready(self, server: Server, client: KubeClient) -> None:
        server.put([proxy(there=0)])

        verdicts = wait_ready(
            client, [subject("becomes-ready")], timeout=5, health=OURS, progress=lambda _: server.put([proxy()])
        )

        assert {each.state for each in verdicts} == {"ready"}
        assert {count for path, count in server.api.lists.items()} == {1}

    def test_a_port_that_nobody_serves_ends_a_wait_whose_objects_are_ready(
        self, server: Server, client: KubeClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(cluster_health, "_UNSERVED_GRACE", 0.1)
        server.remove(WELL["api"])

        with pytest.raises(PlexdevError) as raised:
            wait_ready(client, [subject("becomes-ready")], timeout=20, health=OURS)

        assert raised.value.what.startswith("nodeport/30080 will not become ready")
        assert "rollout restart x" in raised.value.fix

    def test_who_may_not_list_is_told_and_waits_for_the_rest(self, server: Server, client: KubeClient) -> None:
        server.api.refused |= {"/api/v1/nodes", "/api/v1/namespaces/kube-system/services"}

        waited = wait_ready(client, [subject("becomes-ready")], timeout=5, health=THEIRS)
        looked = verdicts_now(client, [subject("becomes-ready")], health=THEIRS)

        for verdicts in (waited, looked):
            assert {each.state for each in verdicts} == {"ready"}
            assert [each.name for each in verdicts if "not looked at" in each.reason] == ["node/*", "service/kube-dns"]
