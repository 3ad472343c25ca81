"""Every failure mode is found by its traces, and not by similar ones."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_plexdev.doctor.facts import PortUse
from pytest_plexdev.doctor.modes import MODES, TABLE
from tests.support.doctor_checks import condition, found_in, gateway, gateway_class, thing

NOW = 1_800_000_000.0
LONG_AGO = "2026-11-23T12:00:00Z"
EPOCH = "1970-01-01T00:00:00Z"
CONTROLLER = "gateway.envoyproxy.io/gatewayclass-controller"
KUBECTL = "kubectl --kubeconfig /tmp/k --context kind-plexsphere"


PENDING = condition("Accepted", "Unknown", "Pending", "Waiting for controller", EPOCH)
ACCEPTED = condition("Accepted", "True", "Accepted")
PROGRAMMED = condition("Programmed", "True", "Programmed")


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

    def test_the_examined_clusters_own_ports_are_not_reported(self) -> None:
        words = "the kind cluster plexsphere, which plexdev did not create"
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
    def test_a_running_controller_that_does_nothing_is_restarted(self, ready: int, command: str) -> None:
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
        refused = gateway_class(condition("Accepted", "False", "InvalidParameters", "EnvoyProxy not found"))

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
    UNADDRESSED = condition(
        "Programmed", "False", "AddressNotAssigned", "No addresses have been assigned to the Gateway"
    )

    def test_it_is_found_in_our_cluster_and_in_a_foreign_one(self) -> None:
        ours = found_in("address-not-assigned", gateways=[gateway(ACCEPTED, self.UNADDRESSED)], ours=True)
        foreign = found_in("address-not-assigned", gateways=[gateway(ACCEPTED, self.UNADDRESSED)])

        assert (ours.state, ours.fixable, foreign.state, foreign.fixable) == ("found", True, "found", False)
        apply = f"{KUBECTL} apply --server-side --force-conflicts -f -"
        assert ours.command == f"plexdev manifests --profile lean | {apply}"
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
        established = condition("Established", "True")
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

    def test_a_gateway_of_another_implementation_needs_no_envoy(self) -> None:
        there = self.definitions("gateways.gateway.networking.k8s.io", "httproutes.gateway.networking.k8s.io")

        assert found_in("gateway-not-programmed", gateways=[gateway(PROGRAMMED)], definitions=there).state == "ok"

    def test_another_reason_is_said(self) -> None:
        refused = gateway(ACCEPTED, condition("Programmed", "False", "NoResources", "Envoy replicas unavailable"))

        finding = found_in("gateway-not-programmed", gateways=[refused], definitions=[])

        assert "NoResources: Envoy replicas unavailable" in finding.evidence
        assert finding.command == f"{KUBECTL} describe -n default gateway/plexsphere"
