"""The gateway on a real cluster: definitions, controller, Envoy and route, in the order of ``manifests/crds.py``."""

from __future__ import annotations

import contextlib
import logging
import subprocess
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx
import pytest
import yaml
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from pytest_plexdev.core.deployment import deploy_directory
from pytest_plexdev.core.subprocesses import run
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.kube import Access, KubeClient
from pytest_plexdev.kube.resources import (
    CUSTOM_RESOURCE_DEFINITION,
    DEPLOYMENT,
    GATEWAY,
    GATEWAY_CLASS,
    HTTP_ROUTE,
    NAMESPACE,
    NODE,
    POD,
    SERVICE,
    KubeObject,
)
from pytest_plexdev.readiness import refs_of, wait_ready
from pytest_plexdev.stack.kind.constants import API_NODE_PORT, GATEWAY_NAMESPACE
from pytest_plexdev.stack.kind.images.pins import read_pins, references
from pytest_plexdev.stack.kind.manifests.crds import custom_resource_definitions, sources_of
from pytest_plexdev.stack.kind.manifests.transform import with_images
from tests.support.workloads import container, deployment, service

LOG = logging.getLogger(__name__)
PLENTY = 120.0
PINS = read_pins()
IMAGES = [PINS[name].reference for name in ("envoy-gateway", "envoy", "busybox")]
HELLO = "mkdir /tmp/www; echo hello from $HOSTNAME >/tmp/www/index.html; exec httpd -f -p 8080 -h /tmp/www"


@dataclass(frozen=True)
class Gateway:
    """A ready gateway, and the seconds from the first apply until each part was ready."""

    kube: KubeClient
    objects: Sequence[KubeObject]
    seconds: dict[str, float]

    @property
    def url(self) -> str:
        """The URL of Envoy, from the address in the Gateway's status."""
        gateway = self.kube.get(GATEWAY, "plexsphere", "default")
        assert gateway is not None
        (address,) = gateway["status"]["addresses"]
        return f"http://{address['value']}:{API_NODE_PORT}/"


@pytest.fixture(scope="module")
def gateway(bare_cluster: Access, kube: KubeClient) -> Iterator[Gateway]:
    """The complete gateway, with a small web server as the API."""
    _load(bare_cluster)
    definitions = custom_resource_definitions(sources_of("lean"))
    controller, proxy, base = (_rendered(name) for name in ("envoy-gateway", "envoy-proxy", "base/gateway"))
    first = [each for each in controller if each["kind"] != "Deployment"]
    last = [each for each in controller if each["kind"] == "Deployment"] + proxy + _backend() + base
    try:
        yield _bring_up(kube, first, definitions, last)
    finally:
        _remove(kube, definitions)


def test_the_gateway_is_programmed_and_has_the_node_s_address(gateway: Gateway, kube: KubeClient) -> None:
    found = kube.get(GATEWAY, "plexsphere", "default")
    (node,) = kube.list(NODE)["items"]

    assert found is not None
    assert _conditions(found["status"]) >= {("Accepted", "True"), ("Programmed", "True")}
    own = [each["address"] for each in node["status"]["addresses"] if each["type"] == "InternalIP"]
    assert [each["value"] for each in found["status"]["addresses"]] == own


def test_class_and_route_are_accepted(gateway: Gateway, kube: KubeClient) -> None:
    gateway_class = kube.get(GATEWAY_CLASS, "envoy-gateway")
    route = kube.get(HTTP_ROUTE, "plexsphere", "default")

    assert gateway_class is not None
    assert route is not None
    assert ("Accepted", "True") in _conditions(gateway_class["status"])
    (parent,) = route["status"]["parents"]
    assert _conditions(parent) == {("Accepted", "True"), ("ResolvedRefs", "True")}


def test_http_reaches_the_api_through_the_node_port(gateway: Gateway) -> None:
    answer = httpx.get(gateway.url, timeout=5.0, trust_env=False)

    assert answer.status_code == httpx.codes.OK
    assert answer.text.startswith("hello from plexsphere-")


def test_what_runs_is_what_is_pinned(gateway: Gateway, kube: KubeClient) -> None:
    pods = kube.list(POD, GATEWAY_NAMESPACE)["items"]
    running = {each["image"] for pod in pods for each in pod["spec"]["containers"]}

    assert running == {PINS["envoy-gateway"].reference, PINS["envoy"].reference}
    assert sum(len(pod["spec"]["containers"]) for pod in pods) == len(pods) == 3


def test_the_controller_has_no_complaints(gateway: Gateway, kube: KubeClient) -> None:
    pods = kube.list(POD, GATEWAY_NAMESPACE, labels="app.kubernetes.io/name=envoy-gateway")["items"]
    lines = [line for pod in pods for line in _log(kube, pod)]

    assert lines
    assert [line for line in lines if "\tERROR\t" in line or "forbidden" in line] == []


def test_applying_it_again_changes_nothing(gateway: Gateway, kube: KubeClient) -> None:
    versions = {each["metadata"]["resourceVersion"] for each in (kube.apply(item) for item in gateway.objects)}

    assert {each["metadata"]["resourceVersion"] for each in (kube.apply(item) for item in gateway.objects)} == versions


def test_the_api_answers_while_the_controller_is_away(gateway: Gateway, kube: KubeClient) -> None:
    away = ["-n", GATEWAY_NAMESPACE, "scale", "deployment/envoy-gateway", "--replicas=0"]
    run([*kube.access.kubectl, *away], timeout=30, purpose="the controller is away")
    try:
        _wait_until_gone(kube, "pod", "-l", "app.kubernetes.io/name=envoy-gateway")
        (pod,) = kube.list(POD, GATEWAY_NAMESPACE, labels="app.kubernetes.io/name=envoy")["items"]
        answers = {httpx.get(gateway.url, timeout=5.0, trust_env=False).status_code for _ in range(20)}
    finally:
        for item in gateway.objects:
            if item["kind"] == "Deployment":
                kube.apply(item)
        wait_ready(kube, refs_of(gateway.objects), timeout=PLENTY)

    assert answers == {httpx.codes.OK}
    # Envoy is not replaced either when the controller is back.
    assert kube.get(POD, pod["metadata"]["name"], GATEWAY_NAMESPACE) is not None


def test_it_comes_up_in_the_time_that_a_fresh_stack_has(gateway: Gateway) -> None:
    LOG.info("seconds from the first apply on: %s", gateway.seconds)

    assert gateway.seconds["answers"] - gateway.seconds["programmed"] < 3.0
    assert gateway.seconds["answers"] < 40.0


def _bring_up(
    kube: KubeClient, first: Sequence[KubeObject], definitions: Sequence[KubeObject], last: Sequence[KubeObject]
) -> Gateway:
    began = time.monotonic()
    seconds: dict[str, float] = {}

    def reached(what: str) -> None:
        seconds[what] = round(time.monotonic() - began, 2)

    for each in first:
        kube.apply(each)
    with ThreadPoolExecutor(max_workers=2) as threads:
        list(threads.map(kube.apply, definitions))
    reached("applied definitions")
    wait_ready(kube, refs_of(definitions), timeout=PLENTY)
    reached("established")
    for each in last:
        kube.apply(each)
    reached("applied")
    objects = [*first, *definitions, *last]
    wait_ready(kube, refs_of([each for each in objects if each["kind"] in {"Gateway", "HTTPRoute"}]), timeout=PLENTY)
    reached("programmed")
    found = Gateway(kube, objects, seconds)
    for attempt in Retrying(
        retry=retry_if_exception_type((httpx.HTTPError, AssertionError)),
        stop=stop_after_delay(30),
        wait=wait_fixed(0.05),
        reraise=True,
    ):
        with attempt:
            assert httpx.get(found.url, timeout=2.0, trust_env=False).status_code == httpx.codes.OK
    reached("answers")
    wait_ready(kube, refs_of(objects), timeout=PLENTY)
    return found


def _remove(kube: KubeClient, definitions: Sequence[KubeObject]) -> None:
    """Remove everything, including the kinds, because another test installs one of them."""
    # The deletion of the class waits for its Gateways, and both deletions wait for the controller.
    for resource, name, namespace in (
        (HTTP_ROUTE, "plexsphere", "default"),
        (GATEWAY, "plexsphere", "default"),
        (GATEWAY_CLASS, "envoy-gateway", None),
        (DEPLOYMENT, "plexsphere", "default"),
        (SERVICE, "plexsphere", "default"),
    ):
        kube.delete(resource, name, namespace)
    with contextlib.suppress(PlexdevError):
        _wait_until_gone(kube, "gatewayclass/envoy-gateway")
    kube.delete(NAMESPACE, GATEWAY_NAMESPACE)
    for name in ("ClusterRole", "ClusterRoleBinding"):
        kube.delete(kube.resource_of("rbac.authorization.k8s.io/v1", name), "envoy-gateway")
    names = [each["metadata"]["name"] for each in definitions]
    for each in names:
        kube.delete(CUSTOM_RESOURCE_DEFINITION, each)
    _wait_until_gone(kube, f"namespace/{GATEWAY_NAMESPACE}", *(f"crd/{name}" for name in names))


def _wait_until_gone(kube: KubeClient, *what: str) -> None:
    wait = ["-n", GATEWAY_NAMESPACE, "wait", "--for=delete", "--timeout=60s"]
    run([*kube.access.kubectl, *wait, *what], timeout=70, purpose="the tests need it gone")


def _load(cluster: Access) -> None:
    have = subprocess.run(["docker", "image", "inspect", *IMAGES], capture_output=True, check=False)
    if have.returncode == 0:
        name = cluster.context.removeprefix("kind-")
        run(["kind", "load", "docker-image", *IMAGES, "--name", name], timeout=120, purpose="the tests run them")


def _rendered(directory: str) -> list[KubeObject]:
    argv = ["kubectl", "kustomize", str(deploy_directory() / directory)]
    text = run(argv, timeout=30, purpose="the manifests").stdout
    return with_images([each for each in yaml.safe_load_all(text) if each], references({}))


def _backend() -> list[KubeObject]:
    return [deployment("plexsphere", container(HELLO, name="plexsphere")), service("plexsphere", 8080)]


def _conditions(status: KubeObject) -> set[tuple[str, str]]:
    return {(each["type"], each["status"]) for each in status["conditions"]}


def _log(kube: KubeClient, pod: KubeObject) -> list[str]:
    return kube.log(pod["metadata"]["name"], "envoy-gateway", GATEWAY_NAMESPACE).splitlines()
