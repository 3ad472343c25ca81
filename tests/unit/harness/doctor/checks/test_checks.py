"""Every failure mode by what it leaves, and by what only looks like it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from pytest_plexdev.doctor.facts import ClusterPart, Disk, Facts, LogLine, PortUse, RunningCommand, Unknown
from pytest_plexdev.doctor.gather import findings_of
from pytest_plexdev.doctor.model import Finding, Found, NotFound, finding_of
from pytest_plexdev.doctor.modes import MODES, TABLE, mode_of

NOW = 1_800_000_000.0
LONG_AGO = "2026-11-23T12:00:00Z"
EPOCH = "1970-01-01T00:00:00Z"
CONTROLLER = "gateway.envoyproxy.io/gatewayclass-controller"
KUBECTL = "kubectl --kubeconfig /tmp/k --context kind-plexsphere"


def found_in(tag: str, **parts: Any) -> Finding:
    return finding_of(_mode(tag), Facts(**{"now": NOW, "cluster": "plexsphere", "kubectl": KUBECTL, **parts}))


def _mode(tag: str) -> Any:
    mode = mode_of(tag)
    assert mode is not None
    return mode


def thing(kind: str, name: str, *conditions: Mapping[str, Any], namespace: str | None = "default", **rest: Any) -> Any:
    meta = {"name": name, "creationTimestamp": LONG_AGO, **({"namespace": namespace} if namespace else {})}
    return {"kind": kind, "metadata": meta, "spec": {}, "status": {"conditions": list(conditions)}, **rest}


def said(kind: str, status: str, reason: str = "", message: str = "", at: str = LONG_AGO) -> dict[str, str]:
    return {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": at}


PENDING = said("Accepted", "Unknown", "Pending", "Waiting for controller", EPOCH)
ACCEPTED = said("Accepted", "True", "Accepted")
PROGRAMMED = said("Programmed", "True", "Programmed")


def gateway_class(*conditions: Mapping[str, Any], controller: str = CONTROLLER) -> Any:
    return thing("GatewayClass", "envoy-gateway", *conditions, namespace=None, spec={"controllerName": controller})


def gateway(*conditions: Mapping[str, Any], of_class: str = "envoy-gateway") -> Any:
    return thing("Gateway", "plexsphere", *conditions, spec={"gatewayClassName": of_class})


def test_the_runbook_has_nine_and_each_has_its_own_tag() -> None:
    assert len(TABLE) == 9
    assert len({mode.tag for mode in MODES}) == len(MODES)


ANOTHER = "the embedded stack of another state directory (pid 5, in /srv/warm)"
ENDS_IT = "PLEXDEV_STATE_DIR=/srv plexdev down --stack embedded"
FREE_PORTS = "plexdev up --port 0 --idp-port 0"


class TestPortTaken:
    @pytest.mark.parametrize(
        ("use", "command"),
        [
            (PortUse(port=8080, purpose="the API", holder="nginx (pid 812)"), FREE_PORTS),
            (PortUse(port=5556, purpose="Dex", holder="the container dex"), FREE_PORTS),
            (PortUse(port=8080, purpose="the API", holder="somebody"), FREE_PORTS),
            (PortUse(port=8080, purpose="the API", holder=ANOTHER, stop=ENDS_IT), ENDS_IT),
            (PortUse(port=8080, purpose="the API", holder="the kind cluster x, ...", cluster="x"), FREE_PORTS),
        ],
    )
    def test_the_holder_is_named_and_nothing_ends_a_strangers(self, use: PortUse, command: str) -> None:
        finding = found_in("port-taken", ports=[use])

        assert (finding.state, finding.command) == ("found", command)
        assert f"port {use.port} ({use.purpose}) is taken by {use.holder}" in finding.evidence

    def test_a_strangers_port_is_not_freed_for_a_cluster_either(self) -> None:
        use = PortUse(port=8080, purpose="the API", holder="nginx (pid 812)")

        assert found_in("port-taken", ports=[use], bringing_up=True).command == "pytest --plexdev-stack=kind"

    def test_the_warm_cluster_has_its_own_ports(self) -> None:
        use = PortUse(port=8080, purpose="the API", holder="your kind cluster plexsphere", is_warm_cluster=True)
        finding = found_in("port-taken", ports=[use, PortUse(port=5556, purpose="Dex")], bringing_up=True)

        assert (finding.state, finding.evidence) == ("ok", "host ports 8080: yours (kind); 5556: free")

    def test_the_cluster_that_is_looked_at_has_its_own_ports_whoever_made_it(self) -> None:
        words = "the kind cluster plexsphere, which plexdev did not make"
        use = PortUse(port=8080, purpose="the API", holder=words, cluster="plexsphere")

        assert found_in("port-taken", ports=[use]).evidence == f"host ports 8080: {words}"
        assert found_in("port-taken", ports=[use], cluster="").state == "found"

    @pytest.mark.parametrize(("bringing_up", "state"), [(False, "ok"), (True, "found")])
    def test_our_embedded_stack_is_in_the_way_of_a_bring_up_only(self, *, bringing_up: bool, state: str) -> None:
        stop = "plexdev down --stack embedded"
        uses = [
            PortUse(port=port, purpose=purpose, holder="your embedded stack (…)", stop=stop, is_embedded=True)
            for port, purpose in ((8080, "the API"), (5556, "Dex"))
        ]

        finding = found_in("port-taken", ports=uses, bringing_up=bringing_up)

        assert finding.state == state
        assert finding.command == (stop if bringing_up else "")
        assert bringing_up or finding.evidence == "host ports 8080, 5556: yours (embedded stack)"


class TestGatewayNotAdmitted:
    def test_a_class_that_no_controller_has_looked_at(self) -> None:
        finding = found_in(
            "gateway-not-admitted", gateway_classes=[gateway_class(PENDING)], gateways=[], deployments=[]
        )

        assert finding.state == "found"
        assert "gatewayclass/envoy-gateway is not accepted: Pending: Waiting for controller" in finding.evidence
        assert EPOCH in finding.evidence
        assert "there is no Deployment envoy-gateway in envoy-gateway-system" in finding.evidence

    @pytest.mark.parametrize(
        ("ready", "command"),
        [(0, "logs deployment/envoy-gateway --tail=20"), (1, "rollout restart deployment/envoy-gateway")],
    )
    def test_a_controller_that_does_not_look_is_started_anew_if_it_runs(self, ready: int, command: str) -> None:
        deployment = thing("Deployment", "envoy-gateway", namespace="envoy-gateway-system", spec={"replicas": 1})
        deployment["status"] = {"readyReplicas": ready}

        finding = found_in(
            "gateway-not-admitted", gateway_classes=[gateway_class(PENDING)], gateways=[], deployments=[deployment]
        )

        assert f"its controller has {ready} of 1 Pods ready" in finding.evidence
        assert finding.command == f"{KUBECTL} -n envoy-gateway-system {command}"

    def test_a_class_for_another_controller_says_which(self) -> None:
        wrong = gateway_class(PENDING, controller="example.com/none")

        finding = found_in("gateway-not-admitted", gateway_classes=[wrong], gateways=[], deployments=[])

        assert f"names the controller example.com/none, but Envoy Gateway is {CONTROLLER}" in finding.evidence

    def test_a_class_that_was_refused_says_why(self) -> None:
        refused = gateway_class(said("Accepted", "False", "InvalidParameters", "EnvoyProxy not found"))

        finding = found_in("gateway-not-admitted", gateway_classes=[refused], gateways=[])

        assert "InvalidParameters: EnvoyProxy not found" in finding.evidence
        assert finding.command == f"{KUBECTL} describe gatewayclass/envoy-gateway"

    def test_a_gateway_whose_class_does_not_exist(self) -> None:
        orphan = gateway(PENDING, of_class="nginx")

        finding = found_in("gateway-not-admitted", gateway_classes=[gateway_class(ACCEPTED)], gateways=[orphan])

        assert "its GatewayClass nginx does not exist (existing: envoy-gateway)" in finding.evidence

    def test_an_object_of_this_moment_is_given_time(self) -> None:
        parts = {"gateway_classes": [gateway_class(PENDING)], "gateways": [], "deployments": []}
        made = 1_795_435_200.0  # LONG_AGO

        assert found_in("gateway-not-admitted", **parts, now=made + 2).state == "ok"
        assert found_in("gateway-not-admitted", **parts, now=made + 30).state == "found"

    def test_what_is_accepted_is_fine(self) -> None:
        finding = found_in(
            "gateway-not-admitted", gateway_classes=[gateway_class(ACCEPTED)], gateways=[gateway(ACCEPTED)]
        )

        assert finding.state == "ok"


class TestAddressNotAssigned:
    UNADDRESSED = said("Programmed", "False", "AddressNotAssigned", "No addresses have been assigned to the Gateway")

    def test_it_is_found_in_our_cluster_and_in_a_foreign_one(self) -> None:
        ours = found_in("address-not-assigned", gateways=[gateway(ACCEPTED, self.UNADDRESSED)], ours=True)
        foreign = found_in("address-not-assigned", gateways=[gateway(ACCEPTED, self.UNADDRESSED)])

        assert (ours.state, ours.fixable, foreign.state, foreign.fixable) == ("found", True, "found", False)
        assert ours.command == f"plexdev manifests | {KUBECTL} apply --server-side --force-conflicts -f -"
        assert "patch envoyproxy envoy-proxy-config" in foreign.command

    def test_it_is_not_also_not_programmed(self) -> None:
        finding = found_in("gateway-not-programmed", gateways=[gateway(ACCEPTED, self.UNADDRESSED)], definitions=[])

        assert finding.state == "ok"

    def test_an_address_is_fine_and_said(self) -> None:
        addressed = gateway(PROGRAMMED)
        addressed["status"]["addresses"] = [{"value": "172.18.0.2"}]

        assert found_in("address-not-assigned", gateways=[addressed]).evidence == "gateway/plexsphere has 172.18.0.2"


class TestGatewayNotProgrammed:
    def definitions(self, *names: str) -> list[Any]:
        established = said("Established", "True")
        return [thing("CustomResourceDefinition", name, established, namespace=None) for name in names]

    @pytest.mark.parametrize(
        ("there", "missing"),
        [
            (("gateways.gateway.networking.k8s.io",), "httproutes.gateway.networking.k8s.io"),
            (("backends.gateway.envoyproxy.io",), "envoyproxies.gateway.envoyproxy.io"),
        ],
    )
    def test_a_big_definition_that_is_missing_among_its_group(self, there: tuple[str, ...], missing: str) -> None:
        finding = found_in("gateway-not-programmed", gateways=[], definitions=self.definitions(*there))

        assert finding.state == "found"
        assert f"{missing}: the CustomResourceDefinition is missing" in finding.evidence
        assert "apply --server-side --force-conflicts" in finding.command

    def test_envoys_own_definition_is_needed_where_envoy_gateway_is(self) -> None:
        there = self.definitions("gateways.gateway.networking.k8s.io", "httproutes.gateway.networking.k8s.io")
        parts = {"gateways": [], "definitions": there, "deployments": []}

        asked = found_in("gateway-not-programmed", **parts, gateway_classes=[gateway_class(PENDING)])
        other = found_in("gateway-not-programmed", **parts, gateway_classes=[gateway_class(PENDING, controller="x/y")])

        assert (asked.state, other.state) == ("found", "ok")
        assert "envoyproxies.gateway.envoyproxy.io: " in asked.evidence

    def test_our_cluster_gets_our_definitions(self) -> None:
        there = self.definitions("gateways.gateway.networking.k8s.io")

        finding = found_in("gateway-not-programmed", gateways=[], definitions=there, ours=True)

        assert finding.command == f"plexdev doctor --crds | {KUBECTL} apply --server-side --force-conflicts -f -"

    def test_the_gateway_of_another_implementation_needs_no_envoy_proxy(self) -> None:
        there = self.definitions("gateways.gateway.networking.k8s.io", "httproutes.gateway.networking.k8s.io")

        assert found_in("gateway-not-programmed", gateways=[gateway(PROGRAMMED)], definitions=there).state == "ok"

    def test_another_reason_is_said(self) -> None:
        refused = gateway(ACCEPTED, said("Programmed", "False", "NoResources", "Envoy replicas unavailable"))

        finding = found_in("gateway-not-programmed", gateways=[refused], definitions=[])

        assert "NoResources: Envoy replicas unavailable" in finding.evidence
        assert finding.command == f"{KUBECTL} describe -n default gateway/plexsphere"


class TestRouteWaitedFor:
    def command(self, text: str) -> RunningCommand:
        return RunningCommand(pid=77, words=tuple(text.split(" ")))

    @pytest.mark.parametrize(
        "text",
        [
            "kubectl wait --for=condition=Accepted httproute/plexsphere",
            "/usr/bin/kubectl --context x wait --for condition=Ready httproutes --all",
            "kubectl wait httproute.gateway.networking.k8s.io/plexsphere --for=condition=Programmed",
            "kubectl wait --for=condition=Ready pod/x,grpcroute/y",
        ],
    )
    def test_a_wait_that_never_ends(self, text: str) -> None:
        parents = [{"conditions": [ACCEPTED]}]
        route = thing("HTTPRoute", "plexsphere")
        route["status"] = {"parents": parents}

        finding = found_in("route-waited-for", commands=[self.command(text)], routes=[route])

        assert finding.state == "found"
        assert "(pid 77)" in finding.evidence
        assert "httproute/plexsphere is accepted by its parents" in finding.evidence
        assert finding.command.startswith(f"{KUBECTL} wait -n default --for=jsonpath=")

    def test_a_token_on_the_command_line_is_not_repeated(self) -> None:
        command = self.command("kubectl --token=psk_secret wait --for=condition=Accepted httproute/x")

        assert "psk_secret" not in found_in("route-waited-for", commands=[command], routes=[]).evidence

    @pytest.mark.parametrize(
        "text",
        [
            "kubectl wait --for=condition=Programmed gateway/plexsphere",
            "kubectl wait --for=jsonpath={.status.parents[0]} httproute/plexsphere",
            "kubectl get httproute/plexsphere --watch",
            "kubectl wait --for=delete httproute/plexsphere",
        ],
    )
    def test_a_wait_that_can_end(self, text: str) -> None:
        assert found_in("route-waited-for", commands=[self.command(text)], routes=[]).state == "ok"


class TestClocks:
    @pytest.mark.parametrize(("ahead", "state"), [(61.0, "found"), (-61.0, "found"), (59.0, "ok")])
    def test_more_than_a_minute_is_too_much(self, ahead: float, state: str) -> None:
        assert found_in("clock-skew", clocks={"container x": ahead}, complaints=[]).state == state

    def test_a_token_that_was_refused_by_its_time(self) -> None:
        line = LogLine(pod="plexsphere-1", container="plexsphere", text="id_token has expired: exp is 12:00")

        finding = found_in("clock-skew", clocks={"container x": 0.0}, complaints=[line])

        assert finding.evidence == "pod/plexsphere-1 wrote: id_token has expired: exp is 12:00"
        assert finding.command == "sudo hwclock --hctosys && date -u && docker exec plexsphere-control-plane date -u"


class TestImageNeverPulled:
    def pod(self, reason: str, *, part: str = "containerStatuses") -> Any:
        waiting = {"state": {"waiting": {"reason": reason}}}
        status = {part: [{"name": "plexsphere", "image": "plexsphere:dev", **waiting}]}
        return thing("Pod", "plexsphere-1") | {"status": status}

    @pytest.mark.parametrize("part", ["containerStatuses", "initContainerStatuses"])
    def test_the_image_is_named_once_and_loaded(self, part: str) -> None:
        pods = [self.pod("ErrImageNeverPull", part=part)] * 2

        finding = found_in("image-never-pulled", pods=pods)

        assert "pod/plexsphere-1, container plexsphere: plexsphere:dev" in finding.evidence
        assert finding.command == "kind load docker-image plexsphere:dev --name plexsphere"

    def test_what_would_be_missing_next_is_loaded_at_once(self) -> None:
        """The container behind an init container has no reason of its own yet."""
        wait = {"name": "wait", "image": "plexsphere-migrate:dev", "imagePullPolicy": "Never"}
        api = {"name": "plexsphere", "image": "plexsphere:dev", "imagePullPolicy": "Never"}
        sidecar = {"name": "proxy", "image": "nginx:1", "imagePullPolicy": "IfNotPresent"}
        spec = {"initContainers": [wait], "containers": [api, sidecar]}
        missing = {"name": "wait", "image": wait["image"], "state": {"waiting": {"reason": "ErrImageNeverPull"}}}
        behind = {"name": "plexsphere", "image": "plexsphere:dev", "state": {"waiting": {"reason": "PodInitializing"}}}
        status = {"initContainerStatuses": [missing], "containerStatuses": [behind]}
        running = thing("Pod", "api-2") | {"spec": {"containers": [{**api, "image": "other:dev"}]}, "status": {}}
        pods = [running, thing("Pod", "api-1") | {"spec": spec, "status": status}]

        images = "plexsphere-migrate:dev plexsphere:dev"
        assert found_in("image-never-pulled", pods=pods).command == f"kind load docker-image {images} --name plexsphere"

    @pytest.mark.parametrize("reason", ["ImagePullBackOff", "ContainerCreating"])
    def test_other_reasons_are_others(self, reason: str) -> None:
        assert found_in("image-never-pulled", pods=[self.pod(reason)]).state == "ok"


class TestSerialPulls:
    @pytest.mark.parametrize(
        ("config", "state"),
        [({"serializeImagePulls": True}, "found"), ({}, "found"), ({"serializeImagePulls": False}, "ok")],
    )
    def test_the_kubelets_own_configuration_tells(self, config: Mapping[str, Any], state: str) -> None:
        assert found_in("serial-pulls", kubelet={"plexsphere-control-plane": config}, pods=[]).state == state

    def test_who_waits_is_said(self) -> None:
        waiting = {"name": "a", "state": {"waiting": {"reason": "PodInitializing"}}}
        pod = thing("Pod", "nats-0") | {"status": {"containerStatuses": [waiting]}}

        assert found_in("serial-pulls", kubelet={"n": {}}, pods=[pod]).evidence.endswith("waiting now: pod/nats-0")


class TestDiskPressure:
    ROOMY = Disk(place="/var/lib/docker", free=60 << 30, total=250 << 30)

    def test_the_node_says_so(self) -> None:
        node = thing("Node", "n", said("DiskPressure", "True", message="kubelet has disk pressure"), namespace=None)

        finding = found_in("disk-pressure", disks=[self.ROOMY], nodes=[node], pods=[])

        assert finding.evidence == "node/n has DiskPressure: kubelet has disk pressure"
        assert (finding.command, finding.fixable) == ("docker builder prune -f && docker image prune -f", False)

    def test_a_pod_was_evicted_for_it(self) -> None:
        status = {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: ephemeral-storage."}
        pod = thing("Pod", "nats-0") | {"status": status}

        assert found_in("disk-pressure", disks=[self.ROOMY], nodes=[], pods=[pod]).state == "found"

    def test_a_disk_without_room_for_the_images(self) -> None:
        full = Disk(place="/var/lib/docker", free=1 << 30, total=250 << 30)

        finding = found_in("disk-pressure", disks=[full])

        assert finding.evidence == "/var/lib/docker has 1.0 GiB left of 250 GiB"


def part(kind: str, state: str = "doomed", **more: Any) -> ClusterPart:
    words = {"name": f"{kind.lower()}/x", "reason": "it is why", "command": f"mend {kind}", **more}
    return ClusterPart(kind=kind, state=state, **words)  # type: ignore[arg-type]


class TestTheClusterItself:
    MODES = (
        ("node-not-ready", "Node"),
        ("dns-down", "Service"),
        ("services-unrouted", "DaemonSet"),
    )
    PARTS = tuple(kind for _, kind in MODES)

    @pytest.mark.parametrize(("tag", "kind"), MODES)
    def test_the_part_that_is_not_well_is_found_with_what_mends_it(self, tag: str, kind: str) -> None:
        parts = [part(each, "waiting" if each == kind else "ready", command="") for each in self.PARTS if each != kind]

        finding = found_in(tag, health=[*parts, part(kind)])

        assert (finding.state, finding.command) == ("found", f"mend {kind}")
        assert finding.evidence == f"{kind.lower()}/x is doomed: it is why"
        assert found_in(tag, health=[part(kind, "ready", reason="")]).evidence == f"{kind.lower()}/x is ready"

    def test_what_is_still_coming_up_is_no_advice_for_a_bring_up_that_failed(self) -> None:
        waits = [part("DaemonSet", "waiting")]

        assert found_in("services-unrouted", health=waits).state == "found"
        assert found_in("services-unrouted", health=waits, bringing_up=True).state == "ok"

    def test_what_may_not_be_listed_is_not_examined(self) -> None:
        reason = "this user may not list nodes"

        finding = found_in("node-not-ready", health=[part("Node", "ready", reason=reason, is_unseen=True)])

        assert (finding.state, finding.evidence) == ("not examined", "this user may not list nodes")

    @pytest.mark.parametrize(("unit", "state"), [("active", "ok"), ("inactive", "found"), ("failed", "found")])
    def test_a_kubelet_by_its_unit(self, unit: str, state: str) -> None:
        finding = found_in("kubelet-stopped", kubelet_units={"n": unit})

        assert (finding.state, unit in finding.evidence) == (state, True)
        assert finding.command == ("docker exec n systemctl restart kubelet" if state == "found" else "")

    @pytest.mark.parametrize(("cordoned", "state"), [((), "ok"), (("a",), "ok"), (("a", "b"), "found")])
    def test_nodes_are_cordoned_where_none_takes_a_pod(self, cordoned: tuple[str, ...], state: str) -> None:
        nodes = [{"metadata": {"name": name}, "spec": {"unschedulable": name in cordoned}} for name in ("a", "b")]

        finding = found_in("nodes-cordoned", nodes=nodes)

        assert finding.state == state
        assert finding.command.endswith(" uncordon a b" if state == "found" else "")

    def test_a_gateway_is_not_blamed_for_what_its_node_does_not_report(self) -> None:
        lacking = gateway(ACCEPTED, said("Programmed", "False", "NoResources", "no Envoy is ready"))
        seen: dict[str, Any] = {
            "gateway_classes": [gateway_class(ACCEPTED)],
            "gateways": [lacking],
            "definitions": [],
            "routes": [],
        }

        alone = {each.mode: each for each in findings_of(Facts(now=NOW, **seen))}
        stopped = {each.mode: each for each in findings_of(Facts(now=NOW, kubelet_units={"n": "inactive"}, **seen))}

        assert alone["gateway-not-programmed"].state == "found"
        assert stopped["gateway-not-programmed"].state == "not examined"
        assert stopped["gateway-not-programmed"].evidence == "kubelet-stopped comes first"
        assert [mode for mode, each in stopped.items() if each.state == "found"] == ["kubelet-stopped"]


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.tag)
def test_what_could_not_be_looked_at_is_not_examined(mode: Any) -> None:
    nothing = dict.fromkeys(("ports", "disks", "commands", "clocks"), Unknown("no Docker"))

    finding = finding_of(mode, Facts(now=NOW, **nothing))  # type: ignore[arg-type]

    assert finding.state == "not examined"
    assert finding.evidence in {"no Docker", "no cluster"}
    assert finding.command == ""


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.tag)
def test_recognition_answers_one_of_three(mode: Any) -> None:
    assert isinstance(mode.check(Facts(now=NOW)), NotFound | Found | Unknown)
