"""Checks of routes, clocks, images, kubelet and the cluster itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from pytest_plexdev.doctor.facts import ClusterPart, Disk, Facts, LogLine, RunningCommand, Unknown
from pytest_plexdev.doctor.gather import findings_of
from pytest_plexdev.doctor.model import Found, NotFound, finding_of
from pytest_plexdev.doctor.modes import MODES
from tests.support.doctor_checks import condition, found_in, gateway, gateway_class, thing

NOW = 1_800_000_000.0
LONG_AGO = "2026-11-23T12:00:00Z"
CONTROLLER = "gateway.envoyproxy.io/gatewayclass-controller"
KUBECTL = "kubectl --kubeconfig /tmp/k --context kind-plexsphere"
ACCEPTED = condition("Accepted", "True", "Accepted")


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
        """The main container has no reason of its own yet while its init container waits."""
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


class TestImageNotPulled:
    def pod(self, reason: str) -> Any:
        status = [{"name": "loki", "image": "grafana/loki:3.3.2", "state": {"waiting": {"reason": reason}}}]
        return thing("Pod", "loki-1") | {"status": {"containerStatuses": status}}

    @pytest.mark.parametrize("reason", ["ErrImagePull", "ImagePullBackOff"])
    def test_it_is_pulled_here_and_loaded(self, reason: str) -> None:
        finding = found_in("image-not-pulled", pods=[self.pod(reason)] * 2)

        image = "grafana/loki:3.3.2"
        assert f"pod/loki-1, container loki: {image} ({reason})" in finding.evidence
        assert finding.command == f"docker pull {image} && kind load docker-image {image} --name plexsphere"

    def test_a_cluster_elsewhere_is_looked_at(self) -> None:
        finding = found_in("image-not-pulled", pods=[self.pod("ErrImagePull")], cluster="")

        assert finding.command == f"{KUBECTL} describe -n default pod/loki-1"

    @pytest.mark.parametrize("reason", ["ErrImageNeverPull", "ContainerCreating"])
    def test_what_is_not_pulled_at_all_is_another_mode(self, reason: str) -> None:
        assert found_in("image-not-pulled", pods=[self.pod(reason)]).state == "ok"


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
        node = thing(
            "Node", "n", condition("DiskPressure", "True", message="kubelet has disk pressure"), namespace=None
        )

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

    def test_a_starting_service_is_no_advice_for_a_failed_bring_up(self) -> None:
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

    def test_a_gateway_is_not_blamed_for_a_stopped_kubelet(self) -> None:
        lacking = gateway(ACCEPTED, condition("Programmed", "False", "NoResources", "no Envoy is ready"))
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
