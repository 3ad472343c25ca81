"""Whose cluster is deleted, with an engine and a kind of the test's own: a race is not provoked with the real ones."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_plexdev.cli import main
from pytest_plexdev.core.model import StackInfo
from pytest_plexdev.core.process_id import ProcessId
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.cluster import CLUSTER_UNREACHABLE
from pytest_plexdev.kube import Access
from pytest_plexdev.stack.discovery import find_warm
from pytest_plexdev.stack.kind import fresh
from pytest_plexdev.stack.kind.bring_up.orchestrate import BringUp
from pytest_plexdev.stack.kind.cluster import create as cluster
from pytest_plexdev.stack.kind.cluster import prerequisites, reaper
from pytest_plexdev.stack.kind.cluster.files import ClusterFiles
from pytest_plexdev.stack.kind.cluster.node_container import find_node
from pytest_plexdev.stack.kind.settings import Addresses, KindSettings, warm_directory
from pytest_plexdev.stack.kind.warm import attach
from tests.unit.harness.stack.kind.worlds import OURS, World


def create(world: World, *, timeout: float = 30.0) -> PlexdevError:
    with pytest.raises(PlexdevError) as error:
        cluster.create(world.place, b"", image=None, timeout=timeout)
    assert world.place.creation() is None
    return error.value


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


def test_what_an_ended_creation_left_is_deleted_though_docker_is_late(world: World) -> None:
    world.node(labels=None, into=".ours")
    # In a session of its own, as Docker's engine is.
    world.create_does("setsid sh -c 'sleep 1.2; mv node.json.ours node.json' >&- 2>&- & sleep 600")

    assert create(world, timeout=1).tag == "command-unfinished"
    assert not world.has_node


def test_down_deletes_what_the_node_says_is_ours_and_nothing_else(world: World) -> None:
    """Whoever applies what ``plexdev manifests`` prints has our ConfigMap on any cluster: nobody asks for it."""
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


def test_one_of_another_state_directory_is_neither_changed_nor_deleted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
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
    # `plexdev down` without --stack takes a kubeconfig there for a cluster of this user.
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


def test_a_file_that_is_not_there_says_that_nothing_was_written_yet(world: World) -> None:
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


def test_a_container_that_is_gone_meanwhile_is_not_one_without_the_file(world: World) -> None:
    """The engine answers 404 for both; a node that somebody made since then would be deleted in its place."""
    world.note(began=time.time() - 3)
    world.node(labels=None, created=time.time())
    container = find_node("c")
    assert container is not None
    (world.state / "node.json").unlink()

    assert cluster.mark_of(world.place, container) == "unreadable"
    assert not cluster.is_half_made(world.place, container)


def test_a_node_that_docker_lists_is_waited_for_until_it_can_be_looked_at(world: World) -> None:
    # On a busy machine dockerd lists a container several seconds before it answers for it; one that is passed over
    # then stays for ever, and the next bring-up takes it for somebody else's.
    world.note(began=time.time() - 3)
    world.node(labels=None, into=".late")
    (world.state / "listed").touch()
    shown = subprocess.Popen(["sh", "-c", "sleep 5.5; mv node.json.late node.json"], cwd=world.state)

    assert cluster.remove_half_made(world.place)

    assert shown.wait(0) == 0
    assert not world.has_node


def test_a_creation_that_outlived_its_process_is_ended_before_it_has_a_node(world: World) -> None:
    world.note(began=time.time() - 3)
    world.create_does("sleep 600")
    argv = ["kind", "create", "cluster", "--name", "c", "--kubeconfig", str(world.place.kubeconfig), "--config", "-"]
    orphan = subprocess.Popen(argv, start_new_session=True)
    while not world.calls:
        time.sleep(0.01)

    assert cluster.remove_half_made(world.place)
    assert orphan.wait(10) == -9


@pytest.mark.parametrize("refusal", [None, *REFUSALS], ids=str)
def test_a_run_whose_node_does_not_say_whose_it_is_keeps_the_cluster_its_watch_and_its_files(
    world: World, refusal: tuple[int, str] | None
) -> None:
    directory = world.place.directory
    directory.mkdir()
    world.node(labels=None)
    if refusal is not None:
        world.engine.refuses["archive"] = refusal
    with ended_in_the_end() as owner:
        reaper.watch_over("c", directory, ProcessId.of(owner.pid), None)
        with pytest.raises(PlexdevError) as error:
            fresh.take_down("c", directory)

        assert error.value.tag == "node-unreadable"
        assert "kind delete cluster --name c" in str(error.value)
        assert world.has_node
        assert world.calls == []
        assert reaper.watches_over(directory)

        world.engine.refuses.clear()
        world.labels(OURS)
        fresh.take_down("c", directory)
        assert not directory.exists()
        assert not world.has_node


def test_what_watches_over_a_run_waits_until_the_node_says_whose_it_is(world: World, tmp_path: Path) -> None:
    """A creation whose process was killed a moment ago has a node that says nothing yet."""
    directory = world.place.directory
    directory.mkdir()
    world.node(labels=None)
    with ended_in_the_end() as owner:
        reaper.watch_over("c", directory, ProcessId.of(owner.pid), None)
    while "node-unreadable" not in (directory / "reaper.log").read_text():
        assert reaper.watches_over(directory)
        time.sleep(0.05)
    handle = reaper.REAPER.find(directory)
    assert handle is not None
    world.labels(OURS)
    with handle:
        assert handle.wait(60)

    assert not world.has_node
    assert not directory.exists()


def test_a_run_that_is_over_ends_a_creation_of_its_own_though_no_note_is_left(world: World) -> None:
    world.node(labels=OURS, into=".late")
    world.create_does("sleep 600")
    argv = ["kind", "create", "cluster", "--name", "c", "--kubeconfig", str(world.place.kubeconfig), "--config", "-"]
    orphan = subprocess.Popen(argv, start_new_session=True)
    while not world.calls:
        time.sleep(0.01)
    # Docker finishes what it was asked for.
    with subprocess.Popen(["sh", "-c", f"sleep 0.5; mv {world.state}/node.json.late {world.state}/node.json"]):
        cluster.remove(world.place)

    assert orphan.wait(10) == -9
    assert "delete" in world.calls
    assert not world.has_node


@pytest.mark.parametrize("keep_failed", [True, False])
def test_the_cluster_of_a_run_whose_bring_up_failed_is_kept_where_that_is_wanted(
    world: World, monkeypatch: pytest.MonkeyPatch, *, keep_failed: bool
) -> None:
    place = world.place

    def half_way(*_: BringUp | Addresses) -> StackInfo:
        world.node(labels=OURS)
        access = Access(context="kind-c", server="https://127.0.0.1:1", kubeconfig=place.kubeconfig)
        access.write_private(place.kubeconfig)
        fix = f"kubectl --kubeconfig {place.kubeconfig} get pods"
        raise PlexdevError(CLUSTER_UNREACHABLE, context="kind-c", server="127.0.0.1:1", reason="gone", fix=fix)

    monkeypatch.setattr(prerequisites, "check", lambda _: None)
    monkeypatch.setattr(BringUp, "on_a_new_cluster", half_way)
    with ended_in_the_end() as owner:
        settings = KindSettings(
            name="c", owner=ProcessId.of(owner.pid), keep_failed=keep_failed, api_port=0, idp_port=0
        )
        with pytest.raises(PlexdevError) as error:
            fresh.bring_up(settings, place.directory, lambda _: None)
        watcher = reaper.REAPER.find(place.directory)
    if watcher is not None:
        with watcher:
            watcher.wait(None)

    assert (f"plexdev down --directory {place.directory}" in str(error.value)) is keep_failed
    assert (str(place.kubeconfig) in str(error.value)) is keep_failed
    assert ("--plexdev-keep=on-failure" in str(error.value)) is not keep_failed
    assert world.has_node is keep_failed
    if keep_failed:
        kept = find_warm(directory=place.directory)
        assert kept.info.endpoints.api == "http://localhost:8080"
        (place.directory / "stack.json").write_text("[]")
        assert main.main(["down", "--directory", str(place.directory)]) == 0
        assert "delete" in world.calls
    assert not place.directory.exists()


@contextlib.contextmanager
def ended_in_the_end() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["sleep", "600"])
    try:
        yield process
    finally:
        process.kill()
        process.wait()
