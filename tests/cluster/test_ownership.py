"""A cluster that somebody else made: attached to at most, never changed, never deleted."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.kube import Access, KubeClient
from pytest_plexdev.kube.resources import CONFIG_MAP, NAMESPACE
from pytest_plexdev.stack.kind import warm
from pytest_plexdev.stack.kind.host import cluster
from pytest_plexdev.stack.kind.host.container import find_node
from pytest_plexdev.stack.kind.host.place import Place
from pytest_plexdev.stack.kind.marks import sentinel
from pytest_plexdev.stack.kind.names import OWNER, OWNER_LABEL, SENTINEL
from pytest_plexdev.stack.kind.settings import KindSettings
from pytest_plexdev.stack.kind.whereabouts import warm_directory
from tests.cluster.stacks import Heard, clusters


@pytest.fixture
def settings(bare_cluster: Access, tmp_path: Path) -> KindSettings:
    return KindSettings(name=bare_cluster.context.removeprefix("kind-"), state=tmp_path, on_drift="apply")


def names(client: KubeClient) -> set[str]:
    listed = [client.list(resource)["items"] for resource in (CONFIG_MAP, NAMESPACE)]
    return {item["metadata"]["name"] for listing in listed for item in listing}


def test_up_applies_nothing_to_it(settings: KindSettings, kube: KubeClient) -> None:
    before = names(kube)

    with pytest.raises(PlexdevError) as refusal:
        warm.bring_up(settings, Heard())

    assert refusal.value.tag == "foreign-cluster"
    assert "pytest --dev-stack" in str(refusal.value)
    assert names(kube) == before


def test_down_preserves_it_with_a_warning(settings: KindSettings) -> None:
    lines = warm.take_down(settings, force=False, progress=Heard())

    assert lines[0].startswith(f"plexdev[foreign-cluster]: the kind cluster {settings.name} was not made by plexdev")
    assert "DEV_FORCE_DOWN=1" in lines[0]
    assert settings.name in clusters()


def test_our_manifests_on_it_do_not_make_it_ours_to_delete(settings: KindSettings, kube: KubeClient) -> None:
    """Somebody piped ``plexdev manifests`` into kubectl."""
    labels = {OWNER_LABEL: OWNER}
    meta = {"name": SENTINEL, "namespace": "default", "labels": labels}
    kube.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta})
    try:
        assert sentinel.is_ours(kube)
        lines = warm.take_down(settings, force=False, progress=Heard())
    finally:
        kube.delete(CONFIG_MAP, SENTINEL, "default")

    assert lines[0].startswith("plexdev[foreign-cluster]")
    assert settings.name in clusters()


def test_a_note_of_ours_does_not_make_a_later_cluster_ours(settings: KindSettings) -> None:
    """Our creation was killed; somebody deleted what it left and made one of the same name."""
    place = Place(settings.name, warm_directory(settings.state, settings.name))
    place.directory.mkdir(parents=True)
    (place.directory / "creating.json").write_text(
        f'{{"cluster": "{settings.name}", "pid": 4194304, "started": 1, "began": 1.0}}'
    )
    container = find_node(settings.name)
    assert container is not None

    assert not cluster.is_half_made(place, container)
    assert warm.take_down(settings, force=False, progress=Heard())[0].startswith("plexdev[foreign-cluster]")


def test_one_without_an_api_is_told_from_none(
    settings: KindSettings, bare_cluster: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(bare_cluster.kubeconfig))

    with pytest.raises(PlexdevError) as refusal:
        warm.find(settings.state, name=settings.name)

    assert refusal.value.tag == "api-silent"
    assert "nothing runs in its namespace default" in str(refusal.value)
