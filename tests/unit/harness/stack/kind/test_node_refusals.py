"""States of the warm cluster's node that plexdev leaves alone, and states that it repairs."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from pytest_plexdev.cli.main import main
from pytest_plexdev.core.ownership.lock import own
from pytest_plexdev.core.ownership.mark import Mark
from pytest_plexdev.core.private_files import make_private_directory
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.stack.embedded.warm import warm_directory as embedded_directory
from pytest_plexdev.stack.kind.cluster import create, prerequisites
from pytest_plexdev.stack.kind.cluster.cluster_files import ClusterFiles
from pytest_plexdev.stack.kind.cluster.lock import exclusive
from pytest_plexdev.stack.kind.cluster.node_container import NodeContainer, find_node, start_kubelet
from pytest_plexdev.stack.kind.settings import KindSettings, warm_directory
from pytest_plexdev.stack.kind.warm import down, up
from pytest_plexdev.stack.kind.warm.start_node import ensure_running
from tests.support.engine import Engine
from tests.support.fake_kind import FakeKind
from tests.support.node_machines import NODE, Machine
from tests.support.node_states import WarmNode

OWN: Final = "pytest --plexdev-stack=kind"
BRIDGE: Final = "br-0123456789ab"


@pytest.fixture
def warm_node(machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WarmNode]:
    with socket.create_server(("127.0.0.1", 0)) as listener, contextlib.closing(socket.socket()) as held:
        held.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HOME", str(tmp_path / "home"))
        yield WarmNode(machine, tmp_path, monkeypatch, listener.getsockname()[1], held.getsockname()[1])


def test_a_wrong_engine_is_told_from_a_removed_node(
    warm_node: WarmNode, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    warm_node.kubeconfig(warm_node.listening, scheme="http")
    monkeypatch.setattr(prerequisites, "check", lambda _: None)

    with pytest.raises(PlexdevError) as refusal:
        up.bring_up(KindSettings(), lambda _: None)

    assert str(refusal.value).startswith("plexdev[engine-elsewhere]: the cluster plexsphere answers on this machine")
    assert f"DOCKER_HOST is {warm_node.machine.engine.address}" in str(refusal.value)
    assert refusal.value.fix == "unset DOCKER_HOST"


def test_down_finds_by_its_labels_what_has_no_files_any_more(
    warm_node: WarmNode, capsys: pytest.CaptureFixture[str], fake_kind: FakeKind
) -> None:
    _as_warm(fake_kind).node(labels="ours")

    assert main(["down"]) == 0

    assert "the kind cluster plexsphere is deleted" in capsys.readouterr().out
    assert fake_kind.calls == ["delete"]


def test_down_beside_a_cluster_asks_which_stack_and_ends_neither(
    warm_node: WarmNode, capsys: pytest.CaptureFixture[str], fake_kind: FakeKind
) -> None:
    """Regression: `plexdev up` started an embedded stack beside a cluster, and `plexdev down` deleted the cluster."""
    _as_warm(fake_kind).node(labels="ours")

    make_private_directory(embedded_directory())
    with own(embedded_directory(), Mark.of_this_process("stack", "warm")):
        assert main(["down"]) == 2

        output = capsys.readouterr().err
        assert output.startswith(
            "plexdev[which-stack]: more than one stack is present (embedded, kind); none was stopped"
        )
        assert "data: plexdev down --stack embedded, or plexdev down --stack kind\n" in output
        assert fake_kind.calls == []

        assert main(["down", "--stack", "kind"]) == 0
        assert fake_kind.calls == ["delete"]


def test_down_reports_a_silent_engine_before_it_waits_for_a_lock(
    warm_node: WarmNode, capsys: pytest.CaptureFixture[str]
) -> None:
    warm_node.monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{warm_node.refusing}")
    settings = KindSettings(timeout=5)

    with exclusive(settings.state, timeout=1, progress=lambda _: None), pytest.raises(PlexdevError) as refusal:
        down.take_down(settings, force=False, progress=lambda _: None)

    assert refusal.value.tag == "docker-silent"


def test_down_without_files_leaves_somebody_elses_cluster(
    warm_node: WarmNode, capsys: pytest.CaptureFixture[str], fake_kind: FakeKind
) -> None:
    _as_warm(fake_kind).node(labels="")

    assert main(["down"]) == 0

    assert fake_kind.calls == []


def test_kind_is_not_let_at_another_provider(
    warm_node: WarmNode, fake_kind: FakeKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIND_EXPERIMENTAL_PROVIDER", "podman")
    kind = fake_kind.state.parent / "bin" / "kind"
    kind.write_text(f"#!/bin/sh\nenv > {fake_kind.state}/environment; rm -f {fake_kind.state}/node.json\n")
    _as_warm(fake_kind).node(labels="ours")

    assert main(["down"]) == 0

    assert "KIND_EXPERIMENTAL_PROVIDER" not in (fake_kind.state / "environment").read_text()


def test_a_name_that_is_taken_is_said_before_anything_is_made(
    warm_node: WarmNode, fake_kind: FakeKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    warm_node.machine.node(cluster="")
    monkeypatch.setattr(prerequisites, "check", lambda _: None)
    node = warm_node.machine.engine.node
    assert node is not None
    fake_kind.engine.node = node

    with pytest.raises(PlexdevError) as refusal:
        up.bring_up(KindSettings(), lambda _: None)

    assert refusal.value.tag == "node-name-taken"
    assert fake_kind.calls == []


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("", "kind has not written its labels"),
        ("node-labels: plexdev.plexsphere.com/owner=pytest-plexdev", "kind has not written its labels"),
        (None, "kind has not written its labels"),
        ((504, "context deadline exceeded"), "Docker could not read them"),
    ],
    ids=["empty file", "half a file", "no file", "no answer in time"],
)
def test_an_unmarked_node_is_never_called_foreign(
    fake_kind: FakeKind, written: str | tuple[int, str] | None, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: under load, a partly created node was called foreign: kind's label file is empty at first."""
    monkeypatch.setattr(prerequisites, "check", lambda _: None)
    monkeypatch.setattr(create, "_LATE", 0.2)
    fake_kind.node(labels=None)
    if isinstance(written, str):
        fake_kind.engine.write_file(written)
    elif written is not None:
        fake_kind.engine.refuses["archive"] = written
    settings = KindSettings(name="c", state=fake_kind.state)

    for change in (
        lambda: up.bring_up(settings, lambda _: None),
        lambda: down.take_down(settings, force=False, progress=lambda _: None),
    ):
        with pytest.raises(PlexdevError, match=words) as refusal:
            change()
        assert refusal.value.tag == "node-unmarked"
    assert fake_kind.has_node
    assert fake_kind.calls == []


def test_labels_that_are_not_written_yet_are_waited_for(fake_kind: FakeKind) -> None:
    fake_kind.node(labels=None)
    fake_kind.engine.write_file("")
    later = threading.Timer(0.3, fake_kind.labels, ["ours"])
    container = find_node("c")
    assert container is not None
    later.start()

    assert create.settled_mark(fake_kind.files, container) == "ours"
    later.join()


@pytest.fixture
def engine(warm_node: WarmNode) -> Engine:
    """An engine with the node of :func:`_container`."""
    warm_node.machine.node()
    return warm_node.machine.engine


def test_a_paused_node_of_ours_is_resumed(warm_node: WarmNode, engine: Engine) -> None:
    assert ensure_running(_container(warm_node.listening, paused=True)) == ["was paused, resumed"]
    assert engine.requests == ["unpause"]


@pytest.mark.parametrize(("unit", "told"), [("active", ["exec"]), ("activating", ["exec"]), ("failed", ["exec"] * 2)])
def test_a_kubelet_that_does_not_run_is_started(warm_node: WarmNode, unit: str, told: list[str]) -> None:
    directory = warm_node.directory / "docker"
    (directory / "docker").write_text(f'#!/bin/sh\necho "$1" >> {directory}/told\necho {unit}\n')

    assert start_kubelet(_container(warm_node.listening)) == (len(told) > 1)
    assert (directory / "told").read_text().split() == told


def test_a_node_that_stays_cut_off_after_a_restart_is_reported(warm_node: WarmNode, engine: Engine) -> None:
    warm_node.share_engine_network()

    with pytest.raises(PlexdevError) as refusal:
        ensure_running(_container(warm_node.refusing))

    assert refusal.value.tag == "node-cut-off"
    assert refusal.value.fix == "plexdev down --stack kind && plexdev up --stack kind"
    assert engine.requests == ["restart"]


def test_a_node_published_in_another_network_is_left_alone(warm_node: WarmNode, engine: Engine) -> None:
    """Regression: in a dev container with Docker's socket, `up` restarted a healthy node."""
    with pytest.raises(PlexdevError, match="this machine's loopback is not the Docker engine's") as refusal:
        ensure_running(_container(warm_node.refusing))

    assert refusal.value.tag == "loopback-elsewhere"
    assert "docker restart" not in str(refusal.value)
    assert "plexdev down" not in str(refusal.value)
    assert engine.requests == []


def test_a_node_that_runs_is_left_alone(warm_node: WarmNode, engine: Engine) -> None:
    assert ensure_running(_container(warm_node.listening)) == []
    assert engine.requests == []


def test_the_holder_of_a_stopped_nodes_port_is_named(warm_node: WarmNode, engine: Engine) -> None:
    engine.refuses["start"] = (500, "driver failed programming external connectivity on endpoint")

    with pytest.raises(PlexdevError) as refusal:
        ensure_running(_container(warm_node.listening, running=False))

    assert refusal.value.tag == "port-taken"
    assert f"(pid {os.getpid()})" in str(refusal.value)
    assert OWN in refusal.value.fix


def test_a_failed_start_with_free_ports_shows_the_engines_error(warm_node: WarmNode, engine: Engine) -> None:
    engine.refuses["start"] = (500, "cannot start a container that is marked for removal")

    with pytest.raises(PlexdevError) as refusal:
        ensure_running(_container(warm_node.refusing, running=False))

    assert refusal.value.tag == "docker-refused"
    assert f"`docker start {NODE}`: cannot start a container that is marked for removal" in str(refusal.value)


def _container(port: int, *, running: bool = True, paused: bool = False) -> NodeContainer:
    return NodeContainer(
        name=NODE,
        created=0.0,
        running=running,
        paused=paused,
        ports={},
        cluster="plexsphere",
        local_ports=(port,),
        bridges=(BRIDGE,),
    )


def _as_warm(fake_kind: FakeKind) -> FakeKind:
    return replace(fake_kind, files=ClusterFiles("plexsphere", warm_directory()))
