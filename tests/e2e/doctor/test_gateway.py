"""The failure modes of the gateway, each provoked on a real cluster.

Where no controller runs, the test writes the statuses that a controller would write.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from pytest_plexdev.core.subprocesses import run
from pytest_plexdev.doctor.checks.gateway import CONTROLLER
from pytest_plexdev.doctor.fixes import apply_fix
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.kube import Access, KubeClient
from pytest_plexdev.kube.resources import CUSTOM_RESOURCE_DEFINITION, GATEWAY, GATEWAY_CLASS
from pytest_plexdev.stack.kind.constants import GATEWAY_NAMESPACE
from pytest_plexdev.stack.kind.images import build
from pytest_plexdev.stack.kind.images.pins import read_pins
from pytest_plexdev.stack.kind.manifests.apply import ApplyResult, apply
from pytest_plexdev.stack.kind.manifests.crds import custom_resource_definitions, sources_of
from pytest_plexdev.stack.kind.manifests.render import render
from pytest_plexdev.stack.kind.settings import Addresses, KindSettings
from pytest_plexdev.stack.kind.state import ownership
from tests.support.cluster_doctor import cluster_name, doctor, finding, kubectl, later, paste

BIG = "envoyproxies.gateway.envoyproxy.io"
ROUTE = "gateway.networking.k8s.io/v1"


@pytest.fixture
def controller(gateway_kinds: None, kube: KubeClient, bare_cluster: Access) -> Iterator[None]:
    """The dev stack's Envoy Gateway, without any Gateway."""
    pins = read_pins()
    build.load(cluster_name(bare_cluster), [pins[each].reference for each in ("busybox", "envoy-gateway", "envoy")])
    wanted = [each for each in render(Addresses()) if _is_the_controllers(each)]
    apply(kube, wanted, ApplyResult(), established=lambda _: None)
    rollout = ["rollout", "status", "deployment/envoy-gateway", "--timeout=120s"]
    kubectl(bare_cluster, "-n", GATEWAY_NAMESPACE, *rollout)
    yield
    kube.delete(GATEWAY, "plexsphere", "default")
    kube.delete(GATEWAY_CLASS, "envoy-gateway")
    kubectl(bare_cluster, "delete", "namespace", GATEWAY_NAMESPACE)


@pytest.mark.parametrize(
    ("controller", "why"),
    [
        (
            "example.com/nobody",
            f"it names the controller example.com/nobody, but Envoy Gateway is {CONTROLLER}",
        ),
        (CONTROLLER, f"there is no Deployment envoy-gateway in {GATEWAY_NAMESPACE}"),
    ],
)
def test_a_gateway_class_without_a_controller(
    gateway_kinds: None, kube: KubeClient, bare_cluster: Access, controller: str, why: str
) -> None:
    kube.apply(_gateway_class("lonely", controller))
    try:
        at_once = finding(bare_cluster, "gateway-not-admitted")
        then = finding(bare_cluster, "gateway-not-admitted", now=later)
    finally:
        kube.delete(GATEWAY_CLASS, "lonely")

    assert at_once.state == "ok", at_once.evidence
    assert then.state == "found"
    assert "gatewayclass/lonely is not accepted: Pending: Waiting for controller" in then.evidence
    assert "since 1970-01-01T00:00:00Z" in then.evidence
    assert why in then.evidence


def test_a_gateway_of_a_class_that_does_not_exist(
    gateway_kinds: None, kube: KubeClient, bare_cluster: Access, namespace: str
) -> None:
    kube.apply(_gateway(namespace, of_class="missing"))

    found = finding(bare_cluster, "gateway-not-admitted", now=later)

    assert f"gateway/plexsphere ({namespace}) is not accepted" in found.evidence
    assert "its GatewayClass missing does not exist" in found.evidence


def test_client_side_apply_of_the_big_definitions(
    gateway_kinds: None, ours: None, kube: KubeClient, bare_cluster: Access, capsys: pytest.CaptureFixture[str]
) -> None:
    big = next(each for each in custom_resource_definitions(sources_of("lean")) if each["metadata"]["name"] == BIG)
    kube.delete(CUSTOM_RESOURCE_DEFINITION, BIG)
    kubectl(bare_cluster, "wait", "--for=delete", f"crd/{BIG}", "--timeout=60s")
    client_side = [*bare_cluster.kubectl, "apply", "-f", "-"]
    with pytest.raises(PlexdevError, match=r"metadata\.annotations: Too long"):
        run(client_side, timeout=60, purpose="the test", stdin=json.dumps(big).encode())
    kube.apply(_gateway_class("envoy-gateway", CONTROLLER))

    found = finding(bare_cluster, "gateway-not-programmed")
    assert found.state == "found"
    assert BIG in found.evidence
    assert "apply --server-side --force-conflicts" in found.command

    assert "plexdev doctor --crds | " in found.command

    assert doctor(bare_cluster, "--fix", "gateway-not-programmed") == 0
    assert f"{BIG}: created" in capsys.readouterr().out
    kubectl(bare_cluster, "wait", "--for=condition=Established", f"crd/{BIG}", "--timeout=60s")
    assert finding(bare_cluster, "gateway-not-programmed").state == "ok"
    kube.delete(GATEWAY_CLASS, "envoy-gateway")


def test_a_gateway_that_a_load_balancer_should_give_an_address(
    controller: None, ours: None, kube: KubeClient, bare_cluster: Access
) -> None:
    # Without our EnvoyProxy, Envoy's Service is a LoadBalancer.
    kube.apply(_gateway_class("envoy-gateway", CONTROLLER))
    kube.apply(_gateway("default", of_class="envoy-gateway"))
    reason = """--for=jsonpath={.status.conditions[?(@.type=="Programmed")].reason}=AddressNotAssigned"""
    kubectl(bare_cluster, "wait", reason, "gateway/plexsphere", "--timeout=120s")

    found = finding(bare_cluster, "address-not-assigned", now=later)
    assert found.state == "found"
    assert "gateway/plexsphere: AddressNotAssigned: " in found.evidence

    mark = ownership.Ready(addresses=Addresses(), services=(), fingerprint={"overlay": "of another checkout"})
    ownership.write_ready(kube, mark)
    assert "envoyproxy/envoy-proxy-config: created" in apply_fix(found, bare_cluster, KindSettings(), lambda _: None)
    # Only the gateway is of this checkout now, so the next `plexdev up` still finds the drift.
    assert ownership.read_ready(kube) == mark
    ownership.withdraw_ready(kube)
    kubectl(bare_cluster, "wait", "--for=condition=Programmed", "gateway/plexsphere", "--timeout=120s")
    assert finding(bare_cluster, "address-not-assigned", now=later).evidence.startswith("gateway/plexsphere has ")
    assert finding(bare_cluster, "gateway-not-admitted", now=later).state == "ok"


def test_a_route_that_is_waited_for_wrongly(
    gateway_kinds: None, kube: KubeClient, bare_cluster: Access, namespace: str
) -> None:
    kube.apply(_route(namespace))
    _accept_route(bare_cluster, namespace)
    wrong = [*bare_cluster.kubectl, "-n", namespace, "wait", "--for=condition=Accepted", "httproute/plexsphere"]
    waiting = subprocess.Popen([*wrong, "--timeout=600s"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        found = finding(bare_cluster, "route-waited-for")
        # The printed command ends at once, while the wrong one still waits for a condition that is already true.
        paste(found.command)
        still_waits = waiting.poll() is None
    finally:
        waiting.kill()
        waiting.wait()

    assert found.state == "found"
    assert f"(pid {waiting.pid})" in found.evidence
    assert f"httproute/plexsphere ({namespace}) is accepted by its parents" in found.evidence
    assert still_waits
    assert finding(bare_cluster, "route-waited-for").state == "ok"


def _is_the_controllers(each: Mapping[str, Any]) -> bool:
    meta, kind = each["metadata"], str(each["kind"])
    there = GATEWAY_NAMESPACE in (meta.get("namespace"), meta["name"]) or kind.startswith("ClusterRole")
    return there and kind != "EnvoyProxy"


def _gateway_class(name: str, controller: str) -> dict[str, Any]:
    spec = {"controllerName": controller}
    return {"apiVersion": ROUTE, "kind": "GatewayClass", "metadata": {"name": name}, "spec": spec}


def _gateway(namespace: str, *, of_class: str) -> dict[str, Any]:
    listener = {"name": "api", "port": 8080, "protocol": "HTTP"}
    return {
        "apiVersion": ROUTE,
        "kind": "Gateway",
        "metadata": {"name": "plexsphere", "namespace": namespace},
        "spec": {"gatewayClassName": of_class, "listeners": [listener]},
    }


def _route(namespace: str) -> dict[str, Any]:
    return {
        "apiVersion": ROUTE,
        "kind": "HTTPRoute",
        "metadata": {"name": "plexsphere", "namespace": namespace},
        "spec": {"parentRefs": [{"name": "plexsphere"}]},
    }


def _accept_route(access: Access, namespace: str) -> None:
    """Write the status of a controller that accepts a route."""
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    accepted = {"type": "Accepted", "status": "True", "reason": "Accepted", "message": "", "lastTransitionTime": moment}
    parent = {"parentRef": {"name": "plexsphere"}, "controllerName": "example.com/test", "conditions": [accepted]}
    patch = json.dumps({"status": {"parents": [parent]}})
    words = ["patch", "httproute/plexsphere", "--subresource=status", "--type=merge", "-p", patch]
    kubectl(access, "-n", namespace, *words)
