"""The creation of a cluster that is late, orphaned or unlabelled."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_plexdev.cli import main
from pytest_plexdev.core.model import StackInfo
from pytest_plexdev.core.process_id import ProcessId
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.cluster import CLUSTER_UNREACHABLE
from pytest_plexdev.kube import Access
from pytest_plexdev.stack.discovery import find_usable
from pytest_plexdev.stack.kind import fresh
from pytest_plexdev.stack.kind.bring_up.orchestrate import BringUp
from pytest_plexdev.stack.kind.cluster import create as cluster
from pytest_plexdev.stack.kind.cluster import prerequisites, reaper
from pytest_plexdev.stack.kind.settings import Addresses, KindSettings
from tests.support.fake_kind import OURS, FakeKind

REFUSALS = [(502, "Bad Gateway for API route"), (504, "context deadline exceeded"), (403, "permission denied")]


def test_a_listed_node_is_waited_for_until_it_can_be_inspected(fake_kind: FakeKind) -> None:
    # On a busy machine dockerd lists a container several seconds before it can inspect it. If the container were
    # ignored meanwhile, it would stay for ever, and the next bring-up would consider it foreign.
    fake_kind.note(began=time.time() - 3)
    fake_kind.node(labels=None, into=".late")
    (fake_kind.state / "listed").touch()
    shown = subprocess.Popen(["sh", "-c", "sleep 5.5; mv node.json.late node.json"], cwd=fake_kind.state)

    assert cluster.remove_half_made(fake_kind.files)

    assert shown.wait(0) == 0
    assert not fake_kind.has_node


def start_orphan(fake_kind: FakeKind) -> subprocess.Popen[bytes]:
    """``kind create cluster``, as a killed run leaves it behind."""
    kubeconfig = str(fake_kind.files.kubeconfig)
    argv = ["kind", "create", "cluster", "--name", "c", "--kubeconfig", kubeconfig, "--config", "-"]
    return subprocess.Popen(argv, start_new_session=True)


def test_an_orphaned_creation_is_ended_before_it_has_a_node(fake_kind: FakeKind) -> None:
    fake_kind.note(began=time.time() - 3)
    fake_kind.create_does("sleep 600")
    orphan = start_orphan(fake_kind)
    while not fake_kind.calls:
        time.sleep(0.01)

    assert cluster.remove_half_made(fake_kind.files)
    assert orphan.wait(10) == -9


@pytest.mark.parametrize("refusal", [None, *REFUSALS], ids=str)
def test_a_cluster_with_an_unmarked_node_is_kept_and_watched(
    fake_kind: FakeKind, refusal: tuple[int, str] | None
) -> None:
    directory = fake_kind.files.directory
    directory.mkdir()
    fake_kind.node(labels=None)
    if refusal is not None:
        fake_kind.engine.refuses["archive"] = refusal
    with ended_in_the_end() as owner:
        reaper.watch_over("c", directory, ProcessId.of(owner.pid), None)
        with pytest.raises(PlexdevError) as error:
            fresh.take_down("c", directory)

        assert error.value.tag == "node-unreadable"
        assert "kind delete cluster --name c" in str(error.value)
        assert fake_kind.has_node
        assert fake_kind.calls == []
        assert reaper.watches_over(directory)

        fake_kind.engine.refuses.clear()
        fake_kind.labels(OURS)
        fresh.take_down("c", directory)
        assert not directory.exists()
        assert not fake_kind.has_node


def test_the_reaper_waits_until_the_node_is_marked(fake_kind: FakeKind, tmp_path: Path) -> None:
    """The node of a creation whose process was just killed has no labels yet."""
    directory = fake_kind.files.directory
    directory.mkdir()
    fake_kind.node(labels=None)
    with ended_in_the_end() as owner:
        reaper.watch_over("c", directory, ProcessId.of(owner.pid), None)
    while "node-unreadable" not in (directory / "reaper.log").read_text():
        assert reaper.watches_over(directory)
        time.sleep(0.05)
    handle = reaper.REAPER.find(directory)
    assert handle is not None
    fake_kind.labels(OURS)
    with handle:
        assert handle.wait(60)

    assert not fake_kind.has_node
    assert not directory.exists()


def test_an_ended_run_ends_its_creation_without_a_note(fake_kind: FakeKind) -> None:
    fake_kind.node(labels=OURS, into=".late")
    fake_kind.create_does("sleep 600")
    orphan = start_orphan(fake_kind)
    while not fake_kind.calls:
        time.sleep(0.01)
    # Docker completes the request nevertheless.
    with subprocess.Popen(["sh", "-c", f"sleep 0.5; mv {fake_kind.state}/node.json.late {fake_kind.state}/node.json"]):
        cluster.remove(fake_kind.files)

    assert orphan.wait(10) == -9
    assert "delete" in fake_kind.calls
    assert not fake_kind.has_node


@pytest.mark.parametrize("keep_failed", [True, False])
def test_keep_also_keeps_the_cluster_of_a_failed_bring_up(
    fake_kind: FakeKind, monkeypatch: pytest.MonkeyPatch, *, keep_failed: bool
) -> None:
    place = fake_kind.files

    def half_way(*_: BringUp | Addresses) -> StackInfo:
        fake_kind.node(labels=OURS)
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
    assert fake_kind.has_node is keep_failed
    if keep_failed:
        kept = find_usable(directory=place.directory)
        assert kept.info.endpoints.api == "http://localhost:8080"
        (place.directory / "stack.json").write_text("[]")
        assert main.main(["down", "--directory", str(place.directory)]) == 0
        assert "delete" in fake_kind.calls
    assert not place.directory.exists()


@contextlib.contextmanager
def ended_in_the_end() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["sleep", "600"])
    try:
        yield process
    finally:
        process.kill()
        process.wait()
