"""The parts of the gateway, from five directories and three projects, agree."""

from __future__ import annotations

import re

import pytest
import yaml

from pytest_plexdev.kube.resources import KubeObject
from pytest_plexdev.stack.kind.constants import GATEWAY_NAMESPACE
from pytest_plexdev.stack.kind.images.pins import read_pins
from pytest_plexdev.stack.kind.manifests.crds import Source, read_sources
from tests.support.manifests import DEPLOY, by_name, documents, objects, warning_fields, workloads

BASE = objects(DEPLOY / "base" / "gateway")
CONTROLLER = objects(DEPLOY / "envoy-gateway")
(PROXY,) = objects(DEPLOY / "envoy-proxy")
(GATEWAY_CLASS,) = by_name(BASE, "GatewayClass").values()
(GATEWAY,) = by_name(BASE, "Gateway").values()
ENVOY: KubeObject = PROXY["spec"]["provider"]["kubernetes"]
(KIND,) = documents(DEPLOY / "kind.yaml")
CONFIG: KubeObject = yaml.safe_load(
    by_name(CONTROLLER, "ConfigMap")["envoy-gateway-config"]["data"]["envoy-gateway.yaml"]
)
SOURCES = {source.name: source for source in read_sources()}


def test_gateway_and_class_match() -> None:
    assert GATEWAY["spec"]["gatewayClassName"] == GATEWAY_CLASS["metadata"]["name"]


def test_the_class_is_the_one_that_the_controller_takes() -> None:
    assert GATEWAY_CLASS["spec"]["controllerName"] == CONFIG["gateway"]["controllerName"]


def test_the_class_has_our_proxy() -> None:
    meta = PROXY["metadata"]

    assert GATEWAY_CLASS["spec"]["parametersRef"] == {
        "group": PROXY["apiVersion"].partition("/")[0],
        "kind": "EnvoyProxy",
        "name": meta["name"],
        "namespace": meta["namespace"],
    }


def test_kind_maps_the_node_port_of_envoy_exactly_once() -> None:
    (port,) = ENVOY["envoyService"]["patch"]["value"]["spec"]["ports"]
    mapped = [each["containerPort"] for node in KIND["nodes"] for each in node["extraPortMappings"]]

    assert mapped.count(port["nodePort"]) == 1
    assert [port["port"]] == [listener["port"] for listener in GATEWAY["spec"]["listeners"]]


def test_the_gateway_needs_no_load_balancer_for_an_address() -> None:
    """With ``LoadBalancer``, the default, it stays ``AddressNotAssigned``."""
    assert ENVOY["envoyService"]["type"] == "NodePort"


def test_definitions_and_controller_are_of_one_version() -> None:
    assert SOURCES["envoy-gateway"].version == read_pins()["envoy-gateway"].tag


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_every_vendored_file_has_a_hash_and_a_versioned_url(source: Source) -> None:
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in source.files.values())
    assert source.url.startswith("https://github.com/")
    assert source.url.endswith(f"/{source.version}")


def test_every_custom_kind_that_a_manifest_uses_is_vendored() -> None:
    files = {name.rpartition("/")[2] for source in SOURCES.values() for name in source.files}
    used = {(each["apiVersion"].partition("/")[0], each["kind"]) for each in [*BASE, PROXY]}

    plurals = {"GatewayClass": "gatewayclasses", "EnvoyProxy": "envoyproxies"}
    assert used
    for group, kind in used:
        assert f"{group}_{plurals.get(kind, kind.lower() + 's')}.yaml" in files


def test_every_image_of_the_gateway_is_pinned() -> None:
    pins = {pin.repository for pin in read_pins().values()}
    deployed = {container["image"] for each in workloads(CONTROLLER) for container in each.containers}

    assert deployed == {read_pins()["envoy-gateway"].repository, read_pins()["busybox"].repository}
    assert ENVOY["envoyDeployment"]["container"]["image"] == read_pins()["envoy"].repository
    assert {each["image"] for each in ENVOY["envoyDeployment"]["initContainers"]} == {read_pins()["busybox"].repository}
    assert deployed < pins
    # Rendering replaces `image` fields only, not this text.
    assert "image" not in yaml.safe_dump(CONFIG)


def test_the_proxy_has_no_container_with_an_unpinned_image() -> None:
    patched = ENVOY["envoyDeployment"]["patch"]["value"]["spec"]["template"]["spec"]["containers"]

    assert {"name": "shutdown-manager", "$patch": "delete"} in patched


def test_what_serves_warns_once_of_what_it_relaxes() -> None:
    (controller,) = (each for each in workloads(CONTROLLER) if each.owner["kind"] == "Deployment")
    pods = {"envoy-gateway": controller.init_containers, "envoy": ENVOY["envoyDeployment"]["initContainers"]}

    for name, init_containers in pods.items():
        (warning,) = init_containers
        (line,) = warning["args"]
        fields = warning_fields(line)
        assert line.startswith('level=WARN msg="insecure default active in dev mode" env=dev dependency=')
        assert "\n" not in line
        assert fields["dependency"] == name
        assert len(fields["prod_delta"]) > 40


def test_what_certgen_leaves_out_the_controller_does_not_want() -> None:
    (certgen,) = (each for each in workloads(CONTROLLER) if each.owner["kind"] == "Job")

    assert "--disable-topology-injector" in certgen.main["args"]
    assert CONFIG["provider"]["kubernetes"]["proxyTopologyInjector"] == {"disabled": True}


def test_outside_its_namespace_the_controller_writes_only_status() -> None:
    reading = {"get", "list", "watch"}
    for role in by_name(CONTROLLER, "ClusterRole").values():
        for rule in role["rules"]:
            if not set(rule["verbs"]) <= reading:
                assert rule["apiGroups"][0] in {"gateway.networking.k8s.io", "gateway.envoyproxy.io"}
                assert rule["resources"] in (["*/status"], ["gatewayclasses"])


def test_all_of_the_controller_is_in_its_namespace() -> None:
    cluster_wide = {"Namespace", "ClusterRole", "ClusterRoleBinding"}
    assert {each["metadata"]["namespace"] for each in [*CONTROLLER, PROXY] if each["kind"] not in cluster_wide} == {
        GATEWAY_NAMESPACE
    }
