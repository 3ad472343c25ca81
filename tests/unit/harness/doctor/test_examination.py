"""Gathering facts: probes are independent, within the time limit, and work without Docker and without a cluster."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from plexsphere_reference.rules import id_token
from pytest_plexdev.cli.main import main
from pytest_plexdev.doctor import Finding, examine
from pytest_plexdev.doctor.advice import with_advice
from pytest_plexdev.doctor.facts import Unknown
from pytest_plexdev.doctor.modes import MODES
from pytest_plexdev.doctor.probes import cluster, machine
from pytest_plexdev.doctor.probes.concurrent import run_all
from pytest_plexdev.errors import PORT_TAKEN, PlexdevError
from pytest_plexdev.errors.cluster import COMMAND_FAILED
from pytest_plexdev.kube import Access
from tests.support.engine import serving


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without Docker, without kubectl and without a kubeconfig."""
    for name, directory in (("PATH", "bin"), ("HOME", "home"), ("PLEXDEV_STATE_DIR", "state")):
        (tmp_path / directory).mkdir()
        monkeypatch.setenv(name, str(tmp_path / directory))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    return tmp_path


@pytest.fixture
def silent() -> Iterator[Access]:
    """An API server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = f"http://127.0.0.1:{listener.getsockname()[1]}"
        yield Access(context="kind-silent", kubeconfig=Path("/nowhere"), server=server)


def failed(output: str) -> PlexdevError:
    return PlexdevError(COMMAND_FAILED, detail=output, command="kind create cluster", status=1, purpose="x", fix="x")


def by_mode(findings: list[Finding]) -> dict[str, Finding]:
    return {finding.mode: finding for finding in findings}


def test_without_docker_and_cluster_the_machine_is_examined(nowhere: Path) -> None:
    findings = by_mode(examine(None))

    assert findings["route-waited-for"].state == "ok"
    assert findings["disk-pressure"].evidence == "docker is not on PATH"
    assert {findings[mode].evidence for mode in ("serial-pulls", "image-never-pulled", "clock-skew")} == {"no cluster"}


def test_the_command_says_so_without_a_traceback(nowhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["doctor"])

    out = capsys.readouterr().out
    assert out.startswith("plexdev doctor: this machine\n")
    assert "not examined  serial-pulls            no cluster" in out
    assert f"ok            embedded-stack          none is running in {nowhere}/state/warm" in out
    assert code == (1 if "FOUND" in out else 0)


def test_programs_get_json(nowhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["doctor", "--json"])

    printed = json.loads(capsys.readouterr().out)
    report = printed["result"]
    assert (printed["command"], printed["ok"], printed["exit_code"], printed["error"]) == (
        "doctor",
        code == 0,
        code,
        None,
    )
    assert (report["context"], len(report["findings"])) == (None, len(MODES) + 4 + 3)
    assert bool(report["found"]) == bool(code)


def test_a_context_that_is_not_there_is_an_error(nowhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["doctor", "--kubeconfig", str(nowhere / "none"), "--context", "kind-x"])

    assert code == 1
    assert "plexdev[context-missing]: " in capsys.readouterr().err


def test_an_unknown_mode_names_the_right_ones(nowhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["doctor", "--fix", "everything"])

    assert "must be one of port-taken, gateway-not-admitted" in capsys.readouterr().err


def test_a_fix_without_a_cluster_is_refused(nowhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--fix", "serial-pulls"]) == 1
    assert "plexdev[hands-off]: " in capsys.readouterr().err


def test_a_server_that_says_nothing_costs_the_budget_and_no_more(silent: Access) -> None:
    began = time.monotonic()
    findings = by_mode(examine(silent, seconds=0.5))

    assert time.monotonic() - began < 1.5
    assert findings["image-never-pulled"].evidence == "no answer within 0.5 s"
    assert findings["route-waited-for"].state == "ok"


def test_advice_does_not_wait_for_a_silent_server(silent: Access) -> None:
    began = time.monotonic()
    text = str(with_advice(failed("kind failed"), silent))

    assert time.monotonic() - began < 10  # 2 s on an idle machine; the client's timeout is 30 s
    assert "doctor: could not look" not in text


def test_advice_on_an_access_that_is_broken_never_raises() -> None:
    broken = Access(context="kind-x", kubeconfig=Path("/x"), server="http://127.0.0.1:1", authority=b"no PEM")

    assert with_advice(failed("x"), broken).detail.startswith("x\ndoctor: could not look (")


@pytest.fixture
def taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A port on which this process listens, in place of 8080."""
    # The ports of the developer's own warm stack would be examined instead.
    monkeypatch.setenv("PLEXDEV_STATE_DIR", str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        monkeypatch.setattr(machine, "PORTS", {port: "the API"})
        yield port


def test_a_taken_port_is_advice_where_the_error_names_it(taken: int) -> None:
    error = with_advice(failed(f"Bind for 127.0.0.1:{taken} failed: port is already allocated"), None)

    [advice] = [each for each in error.advice if each.mode == "port-taken"]
    assert advice.evidence.startswith(f"port {taken} (the API) is taken by ")
    assert f"(pid {os.getpid()})" in advice.evidence
    assert (advice.command, advice.needs_cluster) == ("pytest --plexdev-stack=kind", False)


def test_a_taken_port_is_no_advice_for_another_failure(taken: int) -> None:
    error = with_advice(failed("no space left on device"), None)

    assert "port-taken" not in [each.mode for each in error.advice]


def test_what_the_error_says_itself_is_not_said_again(taken: int) -> None:
    error = PlexdevError(
        PORT_TAKEN, why="it is", port=taken, purpose="the API", holder="nginx (pid 4)", stop="stop nginx (pid 4)"
    )

    assert "port-taken" not in [each.mode for each in with_advice(error, None).advice]


def test_a_running_wait_is_seen_with_its_words(tmp_path: Path) -> None:
    program = tmp_path / "kubectl"
    program.symlink_to(sys.executable)
    code = "import time; print('here', flush=True); time.sleep(60)"
    words = ["-c", code, "wait", "--for=condition=Accepted", "httproute/x"]
    process = subprocess.Popen([program, *words], stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        # A process that has just started has no command line yet.
        process.stdout.readline()
        seen = {command.pid: command.words for command in machine.waiting_commands()}
    finally:
        process.kill()
        process.communicate()

    assert seen[process.pid][-3:] == ("wait", "--for=condition=Accepted", "httproute/x")


def test_a_probe_that_fails_is_said_and_the_others_go_on() -> None:
    def fail() -> None:
        raise ValueError("no such thing")

    released = threading.Event()
    answers = run_all({"fails": fail, "hangs": released.wait, "works": lambda: 7}, seconds=0.2)
    released.set()

    assert answers == {
        "fails": Unknown("ValueError: no such thing"),
        "hangs": Unknown("no answer within 0.2 s"),
        "works": 7,
    }


def test_a_docker_that_refuses_says_why(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (nowhere / "bin" / "docker").touch(mode=0o755)

    with serving(nowhere) as engine:
        monkeypatch.setenv("DOCKER_HOST", engine.address)
        engine.refuses["info"] = (500, "the daemon is shutting down")
        evidence = by_mode(examine(None))["disk-pressure"].evidence

    assert evidence == "Docker refused the request of `docker info`: the daemon is shutting down"


def test_the_words_of_the_planes_own_refusal_are_known() -> None:
    text = Path(id_token.__file__).read_text()

    assert "id_token has expired" in text
    assert cluster._COMPLAINT.search("id_token has expired: exp is 2026-11-23T12:00:00Z")
    assert cluster._COMPLAINT.search("oidc: id_token is expired") is not None
    assert cluster._COMPLAINT.search("bootstrap: this token has expired") is None
