"""A cluster that is not ours can be attached to, and is never changed or deleted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.kube import Access, KubeClient
from pytest_plexdev.kube.resources import CONFIG_MAP, DEPLOYMENT, NAMESPACE
from pytest_plexdev.stack.kind.cluster import create
from pytest_plexdev.stack.kind.cluster.cluster_files import ClusterFiles
from pytest_plexdev.stack.kind.cluster.node_container import find_node
from pytest_plexdev.stack.kind.constants import HOME_LABEL, OWNER, OWNER_LABEL, SENTINEL, node_of
from pytest_plexdev.stack.kind.settings import KindSettings, warm_directory
from pytest_plexdev.stack.kind.state import endpoints
from pytest_plexdev.stack.kind.warm import attach, down, up
from tests.support.kind_stacks import ProgressRecorder, clusters, relabelled


@pytest.fixture
def settings(bare_cluster: Access, tmp_path: Path) -> KindSettings:
    return KindSettings(name=bare_cluster.context.removeprefix("kind-"), state=tmp_path, on_drift="apply")


def names(client: KubeClient) -> set[str]:
    """The ConfigMaps and namespaces; those of an earlier test may still be on their way out."""
    listed = [client.list(resource)["items"] for resource in (CONFIG_MAP, NAMESPACE)]
    metadata = [item["metadata"] for listing in listed for item in listing]
    own = "test-"
    return {
        each["name"]
        for each in metadata
        if not (each["name"].startswith(own) or each.get("namespace", "").startswith(own))
    }


def test_up_applies_nothing_to_it(settings: KindSettings, kube: KubeClient) -> None:
    before = names(kube)

    with pytest.raises(PlexdevError) as refusal:
        up.bring_up(settings, ProgressRecorder())

    assert refusal.value.tag == "foreign-cluster"
    assert "pytest --dev-stack" in str(refusal.value)
    assert names(kube) == before


def test_down_preserves_it_with_a_warning(settings: KindSettings) -> None:
    lines = down.take_down(settings, force=False, progress=ProgressRecorder())

    assert lines[0].startswith(f"plexdev[foreign-cluster]: the kind cluster {settings.name} was not created by plexdev")
    assert "DEV_FORCE_DOWN=1" in lines[0]
    assert settings.name in clusters()


@pytest.fixture
def our_manifests(kube: KubeClient) -> Iterator[None]:
    """The cluster after ``plexdev manifests | kubectl apply``, represented by the sentinel and one other object."""
    mark = {"name": SENTINEL, "namespace": "default", "labels": {OWNER_LABEL: OWNER}}
    kube.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": mark})
    labels = {"app": "plexsphere"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "api", "image": "plexsphere:dev"}]}}
    spec = {"replicas": 0, "selector": {"matchLabels": labels}, "template": template}
    meta = {"name": "plexsphere", "namespace": "default"}
    kube.apply({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec})
    yield
    kube.delete(CONFIG_MAP, SENTINEL, "default")
    kube.delete(DEPLOYMENT, "plexsphere", "default")


def test_our_manifests_on_it_do_not_make_it_ours_to_delete(settings: KindSettings, our_manifests: None) -> None:
    lines = down.take_down(settings, force=False, progress=ProgressRecorder())

    assert lines[0].startswith("plexdev[foreign-cluster]")
    assert settings.name in clusters()


def test_our_manifests_on_it_are_attached_to_as_they_are(
    settings: KindSettings,
    our_manifests: None,
    bare_cluster: Access,
    kube: KubeClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(bare_cluster.kubeconfig))
    # The bare cluster publishes no ports on this machine.
    monkeypatch.setattr(endpoints, "version", lambda *_, **__: {"version": "1"})
    before = names(kube)

    found = [
        attach.attach(replace(settings, on_drift=each), ProgressRecorder()) for each in ("fail", "apply", "ignore")
    ]

    assert [info and info.cluster and info.cluster.owned for info in found] == [False] * 3
    assert names(kube) == before


def test_its_node_s_labels_are_what_makes_it_ours(
    settings: KindSettings, our_manifests: None, bare_cluster: Access, kube: KubeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(bare_cluster.kubeconfig))
    monkeypatch.setattr(endpoints, "version", lambda *_, **__: {"version": "1"})
    home = ClusterFiles(settings.name, warm_directory(settings.state, settings.name)).home
    labels = {OWNER_LABEL: OWNER, HOME_LABEL: home}

    with relabelled(kube, node_of(settings.name), labels), pytest.raises(PlexdevError) as refusal:
        attach.attach(replace(settings, on_drift="fail"), ProgressRecorder())

    assert refusal.value.tag == "drifted"
    assert "never completed" in str(refusal.value)


def test_a_note_of_ours_does_not_make_a_later_cluster_ours(settings: KindSettings) -> None:
    """Our creation was killed. Then another user deleted its remains, and created a cluster of the same name."""
    place = ClusterFiles(settings.name, warm_directory(settings.state, settings.name))
    place.directory.mkdir(parents=True)
    (place.directory / "creating.json").write_text(
        f'{{"cluster": "{settings.name}", "pid": 4194304, "started": 1, "began": 1.0}}'
    )
    container = find_node(settings.name)
    assert container is not None

    assert not create.is_half_made(place, container)
    assert down.take_down(settings, force=False, progress=ProgressRecorder())[0].startswith("plexdev[foreign-cluster]")


def test_one_without_an_api_is_told_from_none(
    settings: KindSettings, bare_cluster: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(bare_cluster.kubeconfig))

    with pytest.raises(PlexdevError) as refusal:
        attach.find(settings.state, name=settings.name)

    assert refusal.value.tag == "api-silent"
    assert "nothing runs in its namespace default" in str(refusal.value)
