"""Every manifest is one that a real API server takes: no unknown field, no value that it refuses."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import pytest

from pytest_plexdev.command import run
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.kube import KubeClient
from pytest_plexdev.kube.client import Object
from pytest_plexdev.kube.resources import CUSTOM_RESOURCE_DEFINITION
from pytest_plexdev.stack.kind import manifests, vendor
from pytest_plexdev.stack.kind.settings import Addresses

PATIENCE = 60.0


@pytest.fixture(scope="module")
def definitions(kube: KubeClient) -> Iterator[None]:
    """The kinds of Gateway API and Envoy Gateway; removed again where another test had not installed them."""
    wanted = vendor.custom_resource_definitions()
    present = {each["metadata"]["name"] for each in kube.list(CUSTOM_RESOURCE_DEFINITION)["items"]}
    ours = [each for each in wanted if each["metadata"]["name"] not in present]
    for each in ours:
        kube.apply(each)
    for each in ours:
        _established(kube, each["metadata"]["name"])
    yield
    for each in ours:
        kube.delete(CUSTOM_RESOURCE_DEFINITION, each["metadata"]["name"])


@pytest.mark.usefixtures("definitions")
def test_the_api_server_takes_every_manifest(kube: KubeClient, namespace: str) -> None:
    rendered = [_in(namespace, each) for each in manifests.render(Addresses())]

    refused = [said for each in rendered if (said := _refusal(kube, each))]

    assert {"Deployment", "StatefulSet", "Job", "NetworkPolicy", "Gateway", "HTTPRoute", "EnvoyProxy"} <= {
        each["kind"] for each in rendered
    }
    assert refused == []


def test_a_misspelt_field_would_be_refused(kube: KubeClient, namespace: str) -> None:
    (postgres,) = [each for each in manifests.render(Addresses()) if each["kind"] == "StatefulSet"][-1:]
    misspelt = _in(namespace, postgres)
    misspelt["spec"]["template"]["spec"]["containers"][0]["readinesProbe"] = {}

    assert "readinesProbe" in _refusal(kube, misspelt)


def _refusal(kube: KubeClient, wanted: Object) -> str:
    try:
        kube.apply(wanted, dry_run=True)
    except PlexdevError as error:
        return str(error)
    return ""


def _in(namespace: str, item: Object) -> Object:
    # A dry run in a namespace that is not there is refused for that alone.
    placed = copy.deepcopy(item)
    if "namespace" in placed["metadata"]:
        placed["metadata"]["namespace"] = namespace
    return placed


def _established(kube: KubeClient, name: str) -> None:
    query = ["wait", "--for=condition=Established", f"customresourcedefinition/{name}", f"--timeout={PATIENCE}s"]
    run([*kube.access.kubectl, *query], timeout=PATIENCE + 10, purpose="a kind is served once it is established")
