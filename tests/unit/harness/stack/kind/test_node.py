"""``plexdev status``, ``wait`` and ``down`` without the cluster or without Docker. Docker is a fake."""

from __future__ import annotations

import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from pytest_plexdev.cli.main import main
from pytest_plexdev.core.model import Cluster, Endpoints, Service, StackInfo
from pytest_plexdev.kube import Access
from pytest_plexdev.stack.kind.settings import warm_directory
from pytest_plexdev.stack.kind.state.loopback import ELSEWHERE_FIX
from tests.support.node_machines import Machine

IMPORTED = """
import sys

def pytest_unconfigure():
    print("imported:", *(each for each in ("httpx", "docker") if each in sys.modules))
"""


def leave_files(directory: Path) -> int:
    """Write the kubeconfig of a cluster whose API server refuses connections. Returns its port."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port: int = server.getsockname()[1]
    path = directory / "kubeconfig"
    Access(context="kind-plexsphere", kubeconfig=path, server=f"https://127.0.0.1:{port}", token="t").write_private(
        path
    )
    return port


def keep_a_stack(directory: Path, name: str) -> Path:
    """Write the files that a run with ``--plexdev-keep=always`` leaves of a stack with ten services."""
    kept = Cluster(
        name=name, context="kind-plexsphere", kubeconfig=directory / "kubeconfig", namespace="default", owned=True
    )
    leave_files(directory)
    StackInfo(
        provider="kind",
        id=name,
        directory=directory,
        endpoints=Endpoints(api="http://localhost:1", issuer="http://localhost:2"),
        started_at=0.0,
        services=tuple(Service(name=f"service-{number}", version="1") for number in range(10)),
        cluster=kept,
    ).write(directory / "stack.json")
    return directory


@pytest.mark.parametrize(
    ("whose", "fix"), [("ours", "plexdev up --stack kind"), ("theirs", "docker start plexsphere-control-plane")]
)
def test_a_stopped_node_is_one_line_with_what_starts_it(
    machine: Machine, capsys: pytest.CaptureFixture[str], whose: str, fix: str
) -> None:
    port = leave_files(warm_directory())
    machine.node(running=False, api_server=port if whose == "ours" else port + 1)

    assert main(["status"]) == 1

    lines = capsys.readouterr().out.splitlines()
    assert [" ".join(line.split()) for line in lines] == [
        "plexsphere-control-plane gone the node's container is stopped",
        f"fix: {fix}",
    ]


def test_waiting_for_a_stopped_node_says_what_starts_it(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    machine.node(running=False, api_server=leave_files(warm_directory()))

    assert main(["wait", "--timeout", "0.3"]) == 124

    output = capsys.readouterr().err.splitlines()
    assert output[1:] == [
        "  why: plexsphere-control-plane: the node's container is stopped",
        "  fix: plexdev up --stack kind",
    ]
    assert machine.requests.count("inspect") == 1


@pytest.mark.parametrize("whose", ["ours", "theirs"])
def test_attaching_to_a_stopped_node_says_what_starts_it(machine: Machine, tmp_path: Path, whose: str) -> None:
    port = leave_files(warm_directory() if whose == "ours" else tmp_path)
    machine.node(running=False, api_server=port)
    (tmp_path / "no-kubeconfig").write_bytes(b"" if whose == "ours" else (tmp_path / "kubeconfig").read_bytes())
    (tmp_path / "test_stack.py").write_text("def test_stack(plexdev_stack):\n    pass\n")
    (tmp_path / "conftest.py").write_text(IMPORTED)

    output = subprocess.run(
        [sys.executable, "-m", "pytest", "--dev-stack", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    ).stdout.splitlines()

    at = output.index("plexdev[node-stopped]: the warm cluster's node plexsphere-control-plane is stopped")
    fix = "plexdev up --stack kind" if whose == "ours" else "docker start plexsphere-control-plane"
    assert output[at + 2] == f"  fix: {fix}"
    # The slow steps: the import of an HTTP client, and each request to Docker.
    assert "imported: docker" in output
    assert machine.requests == (["inspect"] if whose == "ours" else ["ps", "inspect", "archive", "inspect"])


def test_attaching_to_nothing_asks_the_command_alone(machine: Machine, tmp_path: Path) -> None:
    """The import of the SDK would take most of the time of the answer."""
    (tmp_path / "test_stack.py").write_text("def test_stack(plexdev_stack):\n    pass\n")
    (tmp_path / "conftest.py").write_text(IMPORTED)

    output = subprocess.run(
        [sys.executable, "-m", "pytest", "--dev-stack", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    ).stdout.splitlines()

    assert any(line.startswith("plexdev[stack-missing]") for line in output)
    assert "imported:" in output
    assert machine.requests == ["ps"]


@pytest.mark.parametrize("command", ["whoami", "env", "logs plexsphere", "list domain"])
def test_a_command_that_needs_the_stack_says_it_too(
    machine: Machine, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    machine.node(running=False, api_server=leave_files(warm_directory()))

    assert main(command.split()) == 1

    assert capsys.readouterr().err.startswith("plexdev[node-stopped]: ")


def test_a_silent_cluster_is_missing_if_docker_is_silent_too(
    machine: Machine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_files(warm_directory())
    machine.hang()
    monkeypatch.setattr("pytest_plexdev.stack.discovery._DOCKER_TIMEOUT_S", 0.1)

    assert main(["whoami", "--stack", "kind"]) == 1

    assert capsys.readouterr().err.startswith("plexdev[stack-missing]: no stack is running")


@pytest.mark.parametrize(("option", "up"), [([], "plexdev up"), (["--stack", "kind"], "plexdev up --stack kind")])
def test_waiting_for_nothing_says_what_brings_it_up(
    machine: Machine, capsys: pytest.CaptureFixture[str], option: list[str], up: str
) -> None:
    assert main(["wait", "--timeout", "0.2", *option]) == 124

    assert capsys.readouterr().err.splitlines()[1:] == ["  why: no stack is running", f"  fix: {up}"]
    assert machine.requests == ["ps"]


@pytest.mark.parametrize(
    ("node", "reason", "fix"),
    [
        ("stopped", "the node's container is stopped", "docker start plexdev-1-control-plane"),
        ("gone", "the node's container does not exist any more", "plexdev down --directory {directory}"),
        (
            "running",
            "nothing listens at 127.0.0.1:1 here: this machine's loopback is not the Docker engine's",
            ELSEWHERE_FIX,
        ),
    ],
)
def test_a_kept_stack_whose_cluster_is_silent_is_one_line(
    machine: Machine,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    node: str,
    reason: str,
    fix: str,
) -> None:
    directory = keep_a_stack(tmp_path / "kept" / "stack", "plexdev-1")
    if node != "gone":
        machine.node(running=node == "running", name="plexdev-1-control-plane")

    assert main(["status", "--directory", str(directory)]) == 1

    header, _, verdict = capsys.readouterr().out.partition("\n\n")
    first, second = verdict.splitlines()
    assert header.startswith("kind stack plexdev-1, ")
    assert reason in first
    assert second.strip() == f"fix: {fix.format(directory=directory)}"


@pytest.mark.parametrize("command", ["status", "env"])
def test_a_directory_without_a_kept_stack_names_the_keep_option(
    machine: Machine, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert main([command, "--directory", str(tmp_path / "nope")]) == 1

    output = capsys.readouterr().err
    assert f"plexdev[kept-stack-missing]: {tmp_path / 'nope'} has no stack that a test run kept" in output
    assert "fix: keep one: pytest --plexdev-keep=always" in output


def test_down_without_docker_or_a_cluster_deletes_nothing(
    machine: Machine, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert main(["down", "--stack", "kind"]) == 0

    output = capsys.readouterr()
    assert "nothing to delete" in output.out
    assert "install" not in output.out + output.err


def test_down_without_docker_keeps_the_files_of_a_cluster(
    machine: Machine, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_files(warm_directory())
    monkeypatch.setenv("PATH", str(tmp_path))

    assert main(["down"]) == 1

    output = capsys.readouterr().err
    assert output.startswith("plexdev[cluster-out-of-sight]: docker is not on PATH")
    assert "fix: put docker on PATH, then: plexdev down --stack kind" in output
    assert (warm_directory() / "kubeconfig").exists()
