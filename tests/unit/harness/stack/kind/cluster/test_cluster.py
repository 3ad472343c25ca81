"""Only our own clusters are deleted. Docker and kind are fakes, because the real ones cannot provoke the races."""

from __future__ import annotations

import subprocess
import time
from dataclasses import replace

import pytest

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.stack.kind.cluster import create as cluster
from pytest_plexdev.stack.kind.cluster import prerequisites
from pytest_plexdev.stack.kind.cluster.files import ClusterFiles
from pytest_plexdev.stack.kind.cluster.node_container import find_node
from pytest_plexdev.stack.kind.settings import KindSettings, warm_directory
from pytest_plexdev.stack.kind.warm import attach
from tests.support.created_clusters import create
from tests.support.kind_worlds import OURS, World


@pytest.mark.parametrize(
    "words",
    [
        'ERROR: failed to create cluster: node(s) already exist for a cluster with the name "c"',
        'docker: Error response from daemon: Conflict. The name "/c-control-plane" is already in use by container.',
    ],
)
def test_a_cluster_that_somebody_made_meanwhile_stays(world: World, words: str) -> None:
    world.node(labels=OURS, into=".theirs")
    world.create_does(f"mv node.json.theirs node.json; echo '{words}' >&2; exit 1")

    assert create(world).tag == "cluster-not-made"
    assert world.has_node
    assert world.calls == ["create"]


@pytest.mark.parametrize(("labels", "port"), [("other=1", "30080/tcp"), (None, "80/tcp")])
def test_a_node_that_is_not_like_ours_stays_whatever_failed(world: World, labels: str | None, port: str) -> None:
    world.node(labels=labels, port=port, into=".theirs")
    world.create_does("mv node.json.theirs node.json; echo 'no space left on device' >&2; exit 1")

    assert create(world).tag == "cluster-not-made"
    assert world.has_node


def test_one_that_was_there_before_stays(world: World) -> None:
    world.node(labels=None, created=time.time() - 60)
    world.create_does("exit 1")

    create(world)
    assert world.has_node


@pytest.mark.parametrize("labels", [OURS, None])
def test_what_a_failed_creation_left_is_deleted(world: World, labels: str | None) -> None:
    world.node(labels=labels, into=".ours")
    world.create_does("mv node.json.ours node.json; exit 1")

    create(world)
    assert not world.has_node


def test_a_node_that_appears_after_a_timeout_is_deleted(world: World) -> None:
    world.node(labels=None, into=".ours")
    # In its own session, like Docker's engine.
    world.create_does("setsid sh -c 'sleep 1.2; mv node.json.ours node.json' >&- 2>&- & sleep 600")

    assert create(world, timeout=1).tag == "command-unfinished"
    assert not world.has_node


def test_down_deletes_only_clusters_whose_node_is_ours(world: World) -> None:
    """Our ConfigMap is no proof: ``plexdev manifests | kubectl apply`` creates it on any cluster."""
    settings = KindSettings(name="c", state=world.state)
    ours = replace(world, place=ClusterFiles("c", warm_directory(world.state, "c")))
    ours.node(labels="other=1")
    said = attach.take_down(settings, force=False, progress=lambda _: None)
    assert world.has_node
    assert said[0].startswith(
        "plexdev[foreign-cluster]: the kind cluster c was not created by plexdev, so it is preserved"
    )

    ours.node(labels=OURS)
    attach.take_down(settings, force=False, progress=lambda _: None)
    assert not world.has_node


def test_a_cluster_of_another_state_directory_is_left_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = KindSettings(name="c", state=world.state)
    world.node(labels=OURS)
    monkeypatch.setattr(prerequisites, "check", lambda _: None)

    said = attach.take_down(settings, force=False, progress=lambda _: None)
    with pytest.raises(PlexdevError) as refusal:
        attach.bring_up(settings, lambda _: None)

    assert world.calls == []
    assert said[0].startswith("plexdev[foreign-cluster]")
    assert refusal.value.tag == "foreign-cluster"
    for words in (said[0], str(refusal.value)):
        assert "by plexdev with another state directory (PLEXDEV_STATE_DIR)" in words
    # For `plexdev down` without --stack, a kubeconfig there means a cluster of this user.
    assert not (warm_directory(world.state, "c") / "kubeconfig").exists()


def test_what_docker_is_removing_already_is_waited_for(world: World) -> None:
    (world.state.parent / "bin" / "kind").write_text(
        f"#!/bin/sh\n(sleep 0.5; rm -f {world.state}/node.json) >&- 2>&- &\n"
        "echo 'removal of container c is already in progress' >&2; exit 1\n"
    )
    world.node(labels=OURS)

    cluster.delete(world.place)
    assert not world.has_node


def test_a_kubeconfig_of_another_cluster_is_told(world: World) -> None:
    kind = world.state.parent / "bin" / "kind"
    kind.write_text("#!/bin/sh\necho '{contexts: [{name: kind-other, context: {}}], clusters: [], users: []}'\n")

    with pytest.raises(PlexdevError) as error:
        world.place.fetch_access()

    assert error.value.tag == "kubeconfig-unusable"
    assert "kind-c" in str(error.value)


def test_what_other_programs_are_called_with_need_not_be_text(world: World) -> None:
    other = subprocess.Popen([b"\xff\xfe", b"60"], executable="sleep")
    try:
        world.node(labels=OURS)
        cluster.delete(world.place)
    finally:
        other.kill()
        other.wait()

    assert not world.has_node


REFUSALS = [(502, "Bad Gateway for API route"), (504, "context deadline exceeded"), (403, "permission denied")]


def test_a_node_without_a_mark_file_is_half_made(world: World) -> None:
    world.note(began=time.time() - 3)
    world.node(labels=None, created=time.time())

    container = find_node("c")
    assert container is not None
    assert cluster.is_half_made(world.place, container)


@pytest.mark.parametrize("refusal", REFUSALS, ids=str)
def test_a_file_that_the_engine_does_not_give_says_nothing(world: World, refusal: tuple[int, str]) -> None:
    world.note(began=time.time() - 3)
    world.node(labels=None, created=time.time())
    world.engine.refuses["archive"] = refusal

    container = find_node("c")
    assert container is not None
    assert not cluster.is_half_made(world.place, container)


def test_a_removed_container_is_not_taken_for_a_half_made_one(world: World) -> None:
    """The engine answers 404 for both. A node created meanwhile would be deleted by mistake."""
    world.note(began=time.time() - 3)
    world.node(labels=None, created=time.time())
    container = find_node("c")
    assert container is not None
    (world.state / "node.json").unlink()

    assert cluster.mark_of(world.place, container) == "unreadable"
    assert not cluster.is_half_made(world.place, container)
