"""Failures and interrupts of a bring-up on a new cluster, and its clean-up."""

from __future__ import annotations

import socket
import time
from concurrent.futures import Future, wait
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_plexdev.core.cancellation import Cancelled, fail_after
from pytest_plexdev.core.process_id import ProcessId
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.kube import Access
from pytest_plexdev.stack.kind.bring_up import artifacts, orchestrate
from pytest_plexdev.stack.kind.bring_up.orchestrate import BringUp
from pytest_plexdev.stack.kind.bring_up.rollout import Rollout
from pytest_plexdev.stack.kind.cluster.cluster_files import ClusterFiles
from pytest_plexdev.stack.kind.images import build
from pytest_plexdev.stack.kind.settings import KindSettings
from tests.support.fake_kind import GONE, KUBECONFIG, OURS, FakeKind
from tests.support.processes import assert_ends


def test_a_failed_input_ends_the_build_of_the_node_image(
    fake_kind: FakeKind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker, kubectl = (tmp_path / "bin" / name for name in ("docker", "kubectl"))
    docker.write_text(f"#!/bin/sh\necho $$ >> {tmp_path}/baking\nexec sleep 600\n")
    kubectl.write_text(f"#!/bin/sh\nwhile ! test -e {tmp_path}/baking; do sleep 0.05; done\nexit 1\n")
    kubectl.chmod(0o755)
    monkeypatch.setattr(artifacts, "custom_resource_definitions", lambda _: [])
    fake_kind.node(labels=OURS)
    settings = KindSettings(name="c", api_port=0, idp_port=0, kind_image="kindest/node:x", state=tmp_path)

    with pytest.raises(PlexdevError) as error, fail_after(60):
        BringUp(settings, fake_kind.files, lambda _: None).on_a_new_cluster()

    assert error.value.tag == "command-failed"
    assert fake_kind.has_node
    assert fake_kind.calls == []
    assert not any(Path(f"/proc/{pid}/cmdline").exists() for pid in (tmp_path / "baking").read_text().split())


@pytest.fixture
def overlap(fake_kind: FakeKind, monkeypatch: pytest.MonkeyPatch) -> BringUp:
    """A bring-up whose cluster is reachable at once, while ``kind create`` does what the test says."""

    def reached(place: ClusterFiles, made: Future[Access], loaded: object) -> Access:
        return Access(context="kind-c", server="https://127.0.0.1:1", kubeconfig=place.kubeconfig)

    monkeypatch.setattr(orchestrate, "derived", lambda *_: "kindest/node:x")
    monkeypatch.setattr(orchestrate, "reach", reached)
    monkeypatch.setattr(build, "build", lambda *_, **__: False)
    monkeypatch.setattr(artifacts, "custom_resource_definitions", lambda _: [])
    monkeypatch.setattr(artifacts, "render", lambda *_, **__: [])
    settings = KindSettings(name="c", api_port=0, idp_port=0, kind_image="kindest/node:x", state=fake_kind.state)
    return BringUp(settings, fake_kind.files, lambda _: None)


def test_a_run_whose_controller_is_gone_makes_no_cluster(
    fake_kind: FakeKind, overlap: BringUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its reaper has already run, so nothing would delete the cluster."""

    def reached(place: ClusterFiles, made: Future[Access], loaded: object) -> Access:
        return made.result()

    monkeypatch.setattr(orchestrate, "reach", reached)
    monkeypatch.setattr(overlap, "_settings", replace(overlap._settings, owner=ProcessId(4194304, 1)))

    with pytest.raises(Cancelled), fail_after(60):
        overlap.on_a_new_cluster()

    assert fake_kind.calls == []


def test_kind_that_fails_under_the_objects_is_the_failure(
    fake_kind: FakeKind, overlap: BringUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Objects are applied before kind is done. That kind deletes the cluster is a consequence, not the cause."""

    def roll_out(_self: Rollout, _access: Access, _addresses: object, loaded: Future[bool], _previous: object) -> None:
        wait([loaded])
        raise GONE

    monkeypatch.setattr(Rollout, "run", roll_out)
    fake_kind.create_does("echo 'ERROR: the kubelet is not healthy' >&2; exit 1")

    with pytest.raises(PlexdevError) as error, fail_after(60):
        overlap.on_a_new_cluster()

    assert error.value.tag == "cluster-not-made"
    assert "the kubelet is not healthy" in str(error.value)


@pytest.mark.parametrize("ends", [KeyboardInterrupt(), GONE])
def test_a_failed_rollout_ends_kind_and_deletes_its_node(
    fake_kind: FakeKind, overlap: BringUp, monkeypatch: pytest.MonkeyPatch, ends: BaseException
) -> None:
    def roll_out(*_: object) -> None:
        while not fake_kind.has_node:
            time.sleep(0.01)
        raise ends

    monkeypatch.setattr(Rollout, "run", roll_out)
    fake_kind.node(labels=OURS, into=".ours")
    fake_kind.create_does(f"echo $$ > {fake_kind.state}/pid; mv node.json.ours node.json; sleep 600")

    with pytest.raises(type(ends)), fail_after(60):
        overlap.on_a_new_cluster()

    assert not fake_kind.has_node
    assert fake_kind.files.creation() is None
    assert_ends(int((fake_kind.state / "pid").read_text()))


def test_an_unreachable_cluster_is_reported_early_and_deleted(fake_kind: FakeKind, overlap: BringUp) -> None:
    """Regression: in a dev container with Docker's socket it was reported as unreachable after two minutes."""
    with closing(socket.socket()) as held:
        held.bind(("127.0.0.1", 0))
        fake_kind.node(labels=OURS, published_at="127.0.0.1", host_port=held.getsockname()[1], into=".ours")
        fake_kind.create_does(f"echo $$ > {fake_kind.state}/pid; mv node.json.ours node.json; sleep 600")

        with pytest.raises(PlexdevError) as refusal, fail_after(60):
            overlap.on_a_new_cluster()

    assert refusal.value.tag == "loopback-elsewhere"
    assert not fake_kind.has_node
    assert_ends(int((fake_kind.state / "pid").read_text()))


def test_an_input_that_fails_after_creation_deletes_the_cluster(
    fake_kind: FakeKind, overlap: BringUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    def definitions(_sources: object) -> None:
        while not fake_kind.has_node or fake_kind.files.creation() is not None:
            time.sleep(0.01)
        raise GONE

    monkeypatch.setattr(artifacts, "custom_resource_definitions", definitions)
    fake_kind.node(labels=OURS, into=".ours")
    (fake_kind.state / "kubeconfig").write_text(KUBECONFIG)
    fake_kind.create_does(f"mv node.json.ours node.json; cp kubeconfig {fake_kind.files.kubeconfig}")

    with pytest.raises(PlexdevError, match="cluster-unreachable"), fail_after(60):
        overlap.on_a_new_cluster()

    assert not fake_kind.has_node
    assert not fake_kind.files.kubeconfig.exists()
