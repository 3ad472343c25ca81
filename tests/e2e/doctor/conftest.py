"""Fixtures of the doctor's tests, which change the bare cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from pytest_plexdev.core.subprocesses import run
from pytest_plexdev.kube import Access, KubeClient
from pytest_plexdev.readiness import refs_of, wait_ready
from pytest_plexdev.stack.kind.cluster.cluster_files import ClusterFiles
from pytest_plexdev.stack.kind.constants import HOME_LABEL, OWNER, OWNER_LABEL, node_of
from pytest_plexdev.stack.kind.manifests.crds import custom_resource_definitions, sources_of
from tests.support.cluster_doctor import cluster_name, kubectl, wait_for_the_kubelet
from tests.support.kind_stacks import relabelled


@pytest.fixture
def node(bare_cluster: Access) -> str:
    return node_of(bare_cluster.context.removeprefix("kind-"))


@pytest.fixture
def ours(bare_cluster: Access, kube: KubeClient, node: str) -> Iterator[None]:
    """The bare cluster's node has our labels, with the directory of its kubeconfig as that of its files."""
    place = ClusterFiles(cluster_name(bare_cluster), bare_cluster.kubeconfig.parent)
    with relabelled(kube, node, {OWNER_LABEL: OWNER, HOME_LABEL: place.home}):
        yield


@pytest.fixture(scope="session")
def gateway_kinds(bare_cluster: Access, kube: KubeClient) -> None:
    """Install the gateway's CustomResourceDefinitions."""
    definitions = custom_resource_definitions(sources_of("lean"))
    for definition in definitions:
        kube.apply(definition)
    wait_ready(kube, refs_of(definitions), timeout=60)


@pytest.fixture
def kubelet(bare_cluster: Access, node: str) -> Iterator[Callable[[str], None]]:
    """Add lines to the kubelet's configuration and restart it; undone after the test."""
    file, kept = "/var/lib/kubelet/config.yaml", "/var/lib/kubelet-before-the-test.yaml"

    def inside(*words: str) -> None:
        run(["docker", "exec", node, *words], timeout=60, purpose="the test")

    def restart_with(lines: str) -> None:
        inside("sed", "-i", "$a " + lines.replace("\n", "\\n"), file)
        inside("systemctl", "restart", "kubelet")

    inside("cp", file, kept)
    yield restart_with
    inside("mv", kept, file)
    inside("systemctl", "restart", "kubelet")
    wait_for_the_kubelet(bare_cluster, "found")
    kubectl(bare_cluster, "wait", "--for=condition=DiskPressure=false", "node", "--all", "--timeout=120s")
