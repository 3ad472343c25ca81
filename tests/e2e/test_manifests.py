"""A real API server accepts every manifest: there are no unknown fields and no invalid values.

A dry run needs the kinds and the namespaces. Therefore the definitions and the manifests' own namespace are really
created, and no object is moved to another namespace.
"""

from __future__ import annotations

import copy
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_plexdev.core.deployment import deploy_directory
from pytest_plexdev.core.subprocesses import run
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.kube import KubeClient
from pytest_plexdev.kube.resources import CUSTOM_RESOURCE_DEFINITION, NAMESPACE, KubeObject
from pytest_plexdev.readiness import refs_of, wait_ready
from pytest_plexdev.stack.kind.constants import NAMESPACE as OUR_NAMESPACE
from pytest_plexdev.stack.kind.manifests import crds
from pytest_plexdev.stack.kind.manifests.apply import ApplyResult, apply
from pytest_plexdev.stack.kind.manifests.prune import labelled, prune
from pytest_plexdev.stack.kind.manifests.render import render
from pytest_plexdev.stack.kind.settings import Addresses, KindSettings

TIMEOUT_S = 60.0
OF_A_PRODUCT = """
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {{name: {name}}}
provisioner: example.org/none
---
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {{name: {name}}}
spec: {{controller: example.org/none}}
---
apiVersion: v1
kind: PersistentVolume
metadata: {{name: {name}}}
spec:
  accessModes: [ReadWriteOnce]
  capacity: {{storage: 1Mi}}
  hostPath: {{path: /nowhere}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {{name: {name}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: {name}}}
"""
"""An overlay with other objects, some of cluster-scoped kinds that ours does not have."""


@pytest.fixture(scope="module")
def rendered(cluster_tools: None) -> list[KubeObject]:
    """The objects that ``plexdev up`` applies, and the agent, which no overlay includes yet."""
    stack = render(Addresses(), KindSettings(profile="full"))
    agent = render(Addresses(), KindSettings(overlay=deploy_directory() / "base/plexd"))
    return [*stack, *(each for each in agent if each not in stack)]


@pytest.fixture(scope="module")
def ground(kube: KubeClient, rendered: list[KubeObject]) -> Iterator[None]:
    """Create the kinds and namespaces. Those that did not exist before are removed after the tests."""
    definitions = crds.custom_resource_definitions(crds.sources_of("full"))
    kinds = _missing(kube, definitions)
    places = [each for each in rendered if each["kind"] == "Namespace"]
    ours = _missing(kube, places)
    for each in [*kinds, *ours]:
        kube.apply(each)
    wait_ready(kube, refs_of(definitions), timeout=TIMEOUT_S)
    yield
    for each in ours:
        kube.delete(NAMESPACE, each["metadata"]["name"])
    for each in kinds:
        # The deletion of a kind that was never requested takes minutes: the server looks for its instances, and creates
        # their storage only with the first request.
        names = each["spec"]["names"]
        run([*kube.access.kubectl, "get", names["plural"], "-A"], timeout=TIMEOUT_S, purpose="its storage is there")
        kube.delete(CUSTOM_RESOURCE_DEFINITION, each["metadata"]["name"])
    gone = [f"{each['kind'].lower()}/{each['metadata']['name']}" for each in [*ours, *kinds]]
    if gone:
        wait = [*kube.access.kubectl, "wait", "--for=delete", f"--timeout={TIMEOUT_S:.0f}s", *gone]
        run(wait, timeout=TIMEOUT_S + 10, purpose="the next test finds a bare cluster")


@pytest.mark.usefixtures("ground")
def test_the_api_server_takes_every_manifest(kube: KubeClient, rendered: list[KubeObject]) -> None:
    places = {each["metadata"].get("namespace") for each in rendered}
    refused = [output for each in rendered if (output := _refusal(kube, each))]

    assert places == {None, "default", "envoy-gateway-system"}
    assert {
        ("Deployment", "plexd"),
        ("EnvoyProxy", "envoy-proxy-config"),
        ("ExternalSecret", "beta-llc-idp-client"),
        ("HTTPRoute", "plexsphere"),
        ("ValidatingWebhookConfiguration", "crossplane-no-usages"),
    } <= {(each["kind"], each["metadata"]["name"]) for each in rendered}
    assert refused == []


def test_a_misspelt_field_would_be_refused(kube: KubeClient, rendered: list[KubeObject]) -> None:
    (postgres,) = [each for each in rendered if (each["kind"], each["metadata"]["name"]) == ("StatefulSet", "postgres")]
    misspelt = copy.deepcopy(postgres)
    misspelt["spec"]["template"]["spec"]["containers"][0]["readinesProbe"] = {}

    assert "readinesProbe" in _refusal(kube, misspelt)


def test_prune_removes_replaced_objects_and_keeps_applied_ones(kube: KubeClient, tmp_path: Path) -> None:
    names = [f"plexdev-test-{secrets.token_hex(3)}" for _ in range(2)]
    old, new = (_of_a_product(tmp_path / name, name) for name in names)
    assert {each["kind"] for each in old} >= {"StorageClass", "IngressClass", "PersistentVolume", "ConfigMap"}
    try:
        _apply(kube, old)
        again = _apply(kube, old)

        # The volume's controller changes it meanwhile, so not every object need be unchanged.
        assert again.of("created") == []
        assert prune(kube, old) == []
        assert _missing(kube, old) == []

        _apply(kube, new)

        assert prune(kube, new) == sorted(_names(old))
        assert _missing(kube, new) == []
    finally:
        for each in [*old, *new]:
            resource = kube.resource_of(each["apiVersion"], each["kind"])
            kube.delete(resource, each["metadata"]["name"], OUR_NAMESPACE)


def _of_a_product(overlay: Path, name: str) -> list[KubeObject]:
    """The objects of the overlay itself, as a bring-up applies them."""
    overlay.mkdir()
    (overlay / "kustomization.yaml").write_text("resources: [all.yaml]\n")
    (overlay / "all.yaml").write_text(OF_A_PRODUCT.format(name=name))
    return labelled(
        each for each in render(Addresses(), KindSettings(overlay=overlay)) if each["metadata"]["name"] == name
    )


def _apply(kube: KubeClient, wanted: list[KubeObject]) -> ApplyResult:
    outcome = ApplyResult()
    apply(kube, wanted, outcome, established=lambda _: None)
    return outcome


def _names(objects: list[KubeObject]) -> list[str]:
    return [f"{each['kind'].lower()}/{each['metadata']['name']}" for each in objects]


def _refusal(kube: KubeClient, wanted: KubeObject) -> str:
    try:
        kube.apply(wanted, dry_run=True)
    except PlexdevError as error:
        return str(error)
    return ""


def _missing(kube: KubeClient, wanted: list[KubeObject]) -> list[KubeObject]:
    kinds = {each["kind"]: kube.resource_of(each["apiVersion"], each["kind"]) for each in wanted}
    return [each for each in wanted if kube.get(kinds[each["kind"]], each["metadata"]["name"], OUR_NAMESPACE) is None]
