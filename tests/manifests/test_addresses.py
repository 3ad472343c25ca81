"""Addresses that several files name agree."""

from __future__ import annotations

import re
from typing import Any

import pytest

from pytest_plexdev.kube.resources import KubeObject
from pytest_plexdev.stack.kind import constants
from tests.support.manifests import DEPLOY, by_name, documents, objects, overlay_objects, workloads

OVERLAY = overlay_objects()
SERVICES = by_name(OVERLAY, "Service")
(KIND,) = documents(DEPLOY / "kind.yaml")
(NODE,) = KIND["nodes"]
PORTS = {each["containerPort"]: each for each in NODE["extraPortMappings"]}


def test_the_cluster_has_the_warm_one_s_name_and_our_label() -> None:
    assert KIND["name"] == constants.WARM_CLUSTER
    assert NODE["labels"] == {constants.OWNER_LABEL: constants.OWNER}


def test_the_host_ports_are_the_runbooks_and_on_loopback() -> None:
    mapped = {port: (each["hostPort"], each["listenAddress"]) for port, each in PORTS.items()}

    assert mapped == {
        constants.API_NODE_PORT: (constants.API_PORT, "127.0.0.1"),
        constants.IDP_NODE_PORT: (constants.IDP_PORT, "127.0.0.1"),
    }


def test_the_kubelet_pulls_images_side_by_side() -> None:
    (patch,) = [each for each in KIND["kubeadmConfigPatches"] if "kind: KubeletConfiguration" in each]

    assert "serializeImagePulls: false" in patch
    assert "maxParallelImagePulls: 6" in patch


def test_dex_is_behind_its_node_port() -> None:
    (port,) = SERVICES["dex"]["spec"]["ports"]

    assert (SERVICES["dex"]["spec"]["type"], port["nodePort"]) == ("NodePort", constants.IDP_NODE_PORT)


def test_envoy_is_behind_the_api_s_node_port() -> None:
    (proxy,) = objects(DEPLOY / "envoy-proxy")
    service = proxy["spec"]["provider"]["kubernetes"]["envoyService"]

    assert service["type"] == "NodePort"
    assert [each["nodePort"] for each in service["patch"]["value"]["spec"]["ports"]] == [constants.API_NODE_PORT]


def test_the_gateway_is_of_our_class_and_the_class_has_our_proxy() -> None:
    (proxy,) = objects(DEPLOY / "envoy-proxy")
    gateway_class = by_name(OVERLAY, "GatewayClass")["envoy-gateway"]
    gateway = by_name(OVERLAY, "Gateway")["plexsphere"]
    parameters = gateway_class["spec"]["parametersRef"]

    assert gateway["spec"]["gatewayClassName"] == gateway_class["metadata"]["name"]
    assert gateway_class["spec"]["controllerName"] == "gateway.envoyproxy.io/gatewayclass-controller"
    assert (parameters["kind"], parameters["name"], parameters["namespace"]) == (
        "EnvoyProxy",
        proxy["metadata"]["name"],
        proxy["metadata"]["namespace"],
    )
    assert proxy["metadata"]["namespace"] == constants.GATEWAY_NAMESPACE


def test_the_route_leads_from_the_gateway_s_listener_to_the_api() -> None:
    route = by_name(OVERLAY, "HTTPRoute")["plexsphere"]["spec"]
    listeners = {each["name"] for each in by_name(OVERLAY, "Gateway")["plexsphere"]["spec"]["listeners"]}

    assert {each["sectionName"] for each in route["parentRefs"]} <= listeners
    for rule in route["rules"]:
        for backend in rule["backendRefs"]:
            assert (backend["name"], backend["port"]) in _served()


def test_every_endpoint_that_a_container_dials_is_a_service() -> None:
    dialled = {match for each in OVERLAY for text in _texts(each) for match in _endpoints(text)}

    assert dialled >= {("nats", 4222), ("spicedb", 50051), ("dex", 5556), ("postgres", 5432)}
    assert dialled - _served() == set()


@pytest.mark.parametrize("service", SERVICES.values(), ids=lambda each: each["metadata"]["name"])
def test_a_service_selects_pods_that_have_its_port(service: KubeObject) -> None:
    selector = service["spec"]["selector"]
    chosen = [
        each
        for each in workloads(OVERLAY)
        if selector.items() <= each.owner["spec"]["template"]["metadata"]["labels"].items()
    ]

    (workload,) = chosen
    named = {port["name"] for container in workload.containers for port in container.get("ports", ())}
    assert {port["targetPort"] for port in service["spec"]["ports"]} <= named


def test_the_signer_is_open_to_the_api_alone() -> None:
    policy = by_name(OVERLAY, "NetworkPolicy")["plexsphere-signer"]["spec"]
    pods = {each.name: each.owner["spec"]["template"]["metadata"]["labels"] for each in workloads(OVERLAY)}

    def chosen(selector: dict[str, Any]) -> list[str]:
        return [name for name, labels in pods.items() if selector["matchLabels"].items() <= labels.items()]

    (rule,) = policy["ingress"]
    assert chosen(policy["podSelector"]) == ["plexsphere-signer"]
    assert [chosen(each["podSelector"]) for each in rule["from"]] == [["plexsphere"]]


def test_host_addresses_are_in_config_maps_alone() -> None:
    """The ports of a fresh cluster are put into ConfigMaps only; anywhere else the warm ones would stay."""
    elsewhere = [each for each in OVERLAY if each["kind"] != "ConfigMap"]

    assert [each["metadata"]["name"] for each in elsewhere if any("localhost" in text for text in _texts(each))] == []


def _served() -> set[tuple[str, int]]:
    return {(name, port["port"]) for name, each in SERVICES.items() for port in each["spec"]["ports"]}


def _endpoints(text: str) -> list[tuple[str, int]]:
    found = re.findall(r"(?:^|//|@)([a-z][a-z-]*):(\d{4,5})(?=$|[/\s])", text, re.MULTILINE)
    return [(host, int(port)) for host, port in found if host != "localhost"]


def _texts(part: Any) -> list[str]:
    if isinstance(part, dict):
        return [text for value in part.values() for text in _texts(value)]
    if isinstance(part, list):
        return [text for value in part for text in _texts(value)]
    return [part] if isinstance(part, str) else []
