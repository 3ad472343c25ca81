"""Only our own clusters are deleted. Docker and kind are fakes, because the real ones cannot provoke the races."""

from __future__ import annotations

import subprocess
import time
from dataclasses import replace

import pytest

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.stack.kind.cluster import create as cluster
from pytest_plexdev.stack.kind.cluster import prerequisites
from pytest_plexdev.stack.kind.cluster.cluster_files import ClusterFiles
from pytest_plexdev.stack.kind.cluster.node_container import find_node
from pytest_plexdev.stack.kind.settings import KindSettings, warm_directory
from pytest_plexdev.stack.kind.warm import down, up
from tests.support.created_clusters import create
from tests.support.fake_kind import OURS, FakeKind


@pytest.mark.parametrize(
    "words",
    [
        'ERROR: failed to create cluster: node(s) already exist for a cluster with the name "c"',
        'docker: Error response from daemon: Conflict. The name "/c-control-plane" is already in use by container.',
    ],
)
def test_a_cluster_that_somebody_made_meanwhile_stays(fake_kind: FakeKind, words: str) -> None:
    fake_kind.node(labels=OURS, into=".theirs")
    fake_kind.create_does(f"mv node.json.theirs node.json; echo '{words}' >&2; exit 1")

    assert create(fake_kind).tag == "cluster-not-made"
    assert fake_kind.has_node
    assert fake_kind.calls == ["create"]


@pytest.mark.parametrize(("labels", "port"), [("other=1", "30080/tcp"), (None, "80/tcp")])
def test_a_node_that_is_not_like_ours_stays_whatever_failed(fake_kind: FakeKind, labels: str | None, port: str) -> None:
    fake_kind.node(labels=labels, port=port, into=".theirs")
    fake_kind.create_does("mv node.json.theirs node.json; echo 'no space left on device' >&2; exit 1")

    assert create(fake_kind).tag == "cluster-not-made"
    assert fake_kind.has_node


@pytest.mark.parametrize("words", ["failed to bind host port: address already in use", "port is already allocated"])
def test_a_port_that_was_taken_meanwhile_has_to_be_freed(fake_kind: FakeKind, words: str) -> None:
    fake_kind.create_does(f"echo 'Error response from daemon: {words}' >&2; exit 1")

    assert "fix: stop what uses the port, and run it again" in str(create(fake_kind))


def test_one_that_was_there_before_stays(fake_kind: FakeKind) -> None:
    fake_kind.node(labels=None, created=time.time() - 60)
    fake_kind.create_does("exit 1")

    create(fake_kind)
    assert fake_kind.has_node


@pytest.mark.parametrize("labels", [OURS, None])
def test_what_a_failed_creation_left_is_deleted(fake_kind: FakeKind, labels: str | None) -> None:
    fake_kind.node(labels=labels, into=".ours")
    fake_kind.create_does("mv node.json.ours node.json; exit 1")

    create(fake_kind)
    assert not fake_kind.has_node


def test_a_node_that_appears_after_a_timeout_is_deleted(fake_kind: FakeKind) -> None:
    fake_kind.node(labels=None, into=".ours")
    # In its own session, like Docker's engine.
    fake_kind.create_does("setsid sh -c 'sleep 1.2; mv node.json.ours node.json' >&- 2>&- & sleep 600")

    assert create(fake_kind, timeout=1).tag == "command-unfinished"
    assert not fake_kind.has_node


def test_down_deletes_only_clusters_whose_node_is_ours(fake_kind: FakeKind) -> None:
    """Our ConfigMap is no proof: ``plexdev manifests | kubectl apply`` creates it on any cluster."""
    settings = KindSettings(name="c", state=fake_kind.state)
    ours = replace(fake_kind, files=ClusterFiles("c", warm_directory(fake_kind.state, "c")))
    ours.node(labels="other=1")
    output = down.take_down(settings, force=False, progress=lambda _: None)
    assert fake_kind.has_node
    assert output[0].startswith(
        "plexdev[foreign-cluster]: the kind cluster c was not created by plexdev, so it is preserved"
    )

    ours.node(labels=OURS)
    down.take_down(settings, force=False, progress=lambda _: None)
    assert not fake_kind.has_node


def test_a_cluster_of_another_state_directory_is_left_alone(
    fake_kind: FakeKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = KindSettings(name="c", state=fake_kind.state)
    fake_kind.node(labels=OURS)
    monkeypatch.setattr(prerequisites, "check", lambda _: None)

    output = down.take_down(settings, force=False, progress=lambda _: None)
    with pytest.raises(PlexdevError) as refusal:
        up.bring_up(settings, lambda _: None)

    assert fake_kind.calls == []
    assert output[0].startswith("plexdev[foreign-cluster]")
    assert refusal.value.tag == "foreign-cluster"
    for words in (output[0], str(refusal.value)):
        assert "by plexdev with another state directory (PLEXDEV_STATE_DIR)" in words
    # For `plexdev down` without --stack, a kubeconfig there means a cluster of this user.
    assert not (warm_directory(fake_kind.state, "c") / "kubeconfig").exists()


def test_what_docker_is_removing_already_is_waited_for(fake_kind: FakeKind) -> None:
    (fake_kind.state.parent / "bin" / "kind").write_text(
        f"#!/bin/sh\n(sleep 0.5; rm -f {fake_kind.state}/node.json) >&- 2>&- &\n"
        "echo 'removal of container c is already in progress' >&2; exit 1\n"
    )
    fake_kind.node(labels=OURS)

    cluster.delete(fake_kind.files)
    assert not fake_kind.has_node


def test_a_kubeconfig_of_another_cluster_is_told(fake_kind: FakeKind) -> None:
    kind = fake_kind.state.parent / "bin" / "kind"
    kind.write_text("#!/bin/sh\necho '{contexts: [{name: kind-other, context: {}}], clusters: [], users: []}'\n")

    with pytest.raises(PlexdevError) as error:
        fake_kind.files.fetch_access()

    assert error.value.tag == "kubeconfig-unusable"
    assert "kind-c" in str(error.value)


def test_what_other_programs_are_called_with_need_not_be_text(fake_kind: FakeKind) -> None:
    other = subprocess.Popen([b"\xff\xfe", b"60"], executable="sleep")
    try:
        fake_kind.node(labels=OURS)
        cluster.delete(fake_kind.files)
    finally:
        other.kill()
        other.wait()

    assert not fake_kind.has_node


REFUSALS = [(502, "Bad Gateway for API route"), (504, "context deadline exceeded"), (403, "permission denied")]


def test_a_node_without_a_mark_file_is_half_made(fake_kind: FakeKind) -> None:
    fake_kind.note(began=time.time() - 3)
    fake_kind.node(labels=None, created=time.time())

    container = find_node("c")
    assert container is not None
    assert cluster.is_half_made(fake_kind.files, container)


@pytest.mark.parametrize("refusal", REFUSALS, ids=str)
def test_a_file_that_the_engine_does_not_give_says_nothing(fake_kind: FakeKind, refusal: tuple[int, str]) -> None:
    fake_kind.note(began=time.time() - 3)
    fake_kind.node(labels=None, created=time.time())
    fake_kind.engine.refuses["archive"] = refusal

    container = find_node("c")
    assert container is not None
    assert not cluster.is_half_made(fake_kind.files, container)


def test_a_removed_container_is_not_taken_for_a_half_made_one(fake_kind: FakeKind) -> None:
    """The engine answers 404 for both. A node created meanwhile would be deleted by mistake."""
    fake_kind.note(began=time.time() - 3)
    fake_kind.node(labels=None, created=time.time())
    container = find_node("c")
    assert container is not None
    (fake_kind.state / "node.json").unlink()

    assert cluster.mark_of(fake_kind.files, container) == "unreadable"
    assert not cluster.is_half_made(fake_kind.files, container)
