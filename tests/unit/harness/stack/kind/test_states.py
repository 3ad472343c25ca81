"""States of the warm cluster's node: `status`, attaching and the doctor name each with the same command.

Docker and the API server are fakes; tests/e2e/test_states.py has the same states on a real cluster.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from pytest_plexdev.cli.main import main
from pytest_plexdev.stack.kind.settings import warm_directory
from pytest_plexdev.stack.kind.state.loopback import ELSEWHERE_FIX
from pytest_plexdev.stack.kind.warm import attach
from tests.support.node_machines import NODE, Machine
from tests.support.node_states import WarmNode, paused

UP: Final = "plexdev up --stack kind"
OWN: Final = "pytest --plexdev-stack=kind"
BRIDGE: Final = "br-0123456789ab"
RESTART: Final = f"{OWN}; or, if the cluster is yours, restart it: docker restart {NODE}"


@pytest.fixture
def warm_node(machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WarmNode]:
    with socket.create_server(("127.0.0.1", 0)) as listener, contextlib.closing(socket.socket()) as held:
        held.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HOME", str(tmp_path / "home"))
        yield WarmNode(machine, tmp_path, monkeypatch, listener.getsockname()[1], held.getsockname()[1])


def paused_and_somebody_elses(warm_node: WarmNode) -> None:
    warm_node.set_user_kubeconfig(warm_node.kubeconfig(warm_node.listening, path=warm_node.directory / "theirs"))
    warm_node.machine.node(paused=True, api_server=warm_node.listening)


def cut_off(warm_node: WarmNode) -> None:
    warm_node.share_engine_network()
    warm_node.kubeconfig(warm_node.refusing)
    warm_node.machine.node(api_server=warm_node.refusing)


def cut_off_and_somebody_elses(warm_node: WarmNode) -> None:
    warm_node.share_engine_network()
    warm_node.set_user_kubeconfig(warm_node.kubeconfig(warm_node.refusing, path=warm_node.directory / "theirs"))
    warm_node.machine.node(api_server=warm_node.refusing)


def in_a_container_with_dockers_socket(warm_node: WarmNode) -> None:
    warm_node.kubeconfig(warm_node.refusing)
    warm_node.machine.node(api_server=warm_node.refusing)


def truncated_kubeconfig(warm_node: WarmNode) -> None:
    file = warm_node.kubeconfig(warm_node.listening)
    file.write_bytes(file.read_bytes()[:100])
    warm_node.machine.node(api_server=warm_node.listening)
    warm_node.machine.label_as_ours()


def wiped_state_directory(warm_node: WarmNode) -> None:
    warm_node.machine.node(api_server=warm_node.listening)
    warm_node.machine.label_as_ours()


def no_kubeconfig_of_somebody_elses(warm_node: WarmNode) -> None:
    warm_node.machine.node(api_server=warm_node.listening)


def a_directory_in_kubeconfig(warm_node: WarmNode) -> None:
    warm_node.set_user_kubeconfig(warm_node.directory)
    warm_node.machine.node(api_server=warm_node.listening)


def a_pipe_in_kubeconfig(warm_node: WarmNode) -> None:
    os.mkfifo(warm_node.directory / "pipe")
    warm_node.set_user_kubeconfig(warm_node.directory / "pipe")
    warm_node.machine.node(api_server=warm_node.listening)


def strangers_container(warm_node: WarmNode) -> None:
    warm_node.machine.node(cluster="")


def removed_node(warm_node: WarmNode) -> None:
    warm_node.kubeconfig(warm_node.refusing)


def silent_api_server(warm_node: WarmNode) -> None:
    warm_node.kubeconfig(warm_node.listening)
    warm_node.machine.node(api_server=warm_node.listening)
    warm_node.monkeypatch.setattr("pytest_plexdev.stack.kind.warm.node_status._GREETS", 0.1)
    warm_node.monkeypatch.setattr("pytest_plexdev.kube.client._TIMEOUT", 0.1)


STATES: Final[dict[Callable[[WarmNode], None], tuple[str, str]]] = {
    paused: ("node-paused", UP),
    paused_and_somebody_elses: ("node-paused", f"docker unpause {NODE}"),
    cut_off: ("node-cut-off", UP),
    cut_off_and_somebody_elses: ("node-cut-off", RESTART),
    in_a_container_with_dockers_socket: ("loopback-elsewhere", ELSEWHERE_FIX),
    truncated_kubeconfig: ("kubeconfig-lost", UP),
    wiped_state_directory: ("kubeconfig-lost", UP),
    no_kubeconfig_of_somebody_elses: ("kubeconfig-lost", "kind export kubeconfig --name plexsphere"),
    a_directory_in_kubeconfig: ("kubeconfig-lost", "unset KUBECONFIG"),
    a_pipe_in_kubeconfig: ("kubeconfig-lost", "unset KUBECONFIG"),
    strangers_container: ("node-name-taken", f"docker rename {NODE} {NODE}-other && {UP}; or {OWN}"),
    removed_node: ("node-gone", UP),
    silent_api_server: ("node-silent", UP),
}


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_every_command_names_a_broken_state_and_its_fix(
    warm_node: WarmNode, state: Callable[[WarmNode], None], capsys: pytest.CaptureFixture[str]
) -> None:
    state(warm_node)
    tag, fix = STATES[state]

    assert main(["status"]) == 1
    status = capsys.readouterr().out.splitlines()
    assert main(["whoami", "--stack", "kind"]) == 1
    attaching = capsys.readouterr().err
    assert main(["doctor"]) == 1
    doctor = capsys.readouterr().out

    assert status[0].split()[:2] == [NODE, "gone"]
    assert status[1].strip() == f"fix: {fix}"
    assert attaching.startswith(f"plexdev[{tag}]: ")
    assert attaching.endswith(f"  fix: {fix}\n")
    assert f"  found  {tag}: {NODE}: " in doctor
    assert f"  try    {fix}\n" in doctor


@pytest.mark.parametrize(("state", "ways"), [(paused, 0), (silent_api_server, 1)])
def test_the_api_server_of_a_paused_node_is_not_asked_for_more(
    warm_node: WarmNode, state: Callable[[WarmNode], None], ways: int
) -> None:
    """Each request to a paused one lasts until the client's timeout."""
    state(warm_node)

    assert len(list(attach.usable_accesses(warm_directory(), "plexsphere"))) == ways
