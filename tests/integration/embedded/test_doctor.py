"""The doctor on an embedded stack: the checks, the findings, and the owners of the ports."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from pytest_plexdev.cli import main
from pytest_plexdev.core.model import StackInfo
from pytest_plexdev.stack.embedded import EmbeddedSettings
from pytest_plexdev.stack.embedded.launch import end
from pytest_plexdev.stack.embedded.owner import SUPERVISOR
from pytest_plexdev.stack.embedded.warm import bring_up_warm, find_warm, warm_directory
from tests.support.embedded import pid_of
from tests.support.waiting import until


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("PLEXDEV_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("KUBECONFIG", os.devnull)
    yield tmp_path / "state"
    end(warm_directory())


@pytest.fixture
def warm(state: Path, settings: EmbeddedSettings, monkeypatch: pytest.MonkeyPatch) -> StackInfo:
    info, _ = bring_up_warm(replace(settings, id="warm"), lambda _: None)
    monkeypatch.setenv("PATH", str(state))  # without Docker
    return info


def doctor(capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    code = main.main(["doctor"])
    return code, capsys.readouterr().out


def port_of(url: str) -> int | None:
    return urlsplit(url).port


def test_a_whole_stack_is_examined_and_its_ports_are_yours(warm: StackInfo, capsys: pytest.CaptureFixture[str]) -> None:
    code, out = doctor(capsys)

    ports = f"{port_of(warm.endpoints.api)}, {port_of(warm.endpoints.issuer)}"
    assert f"ok            port-taken              host ports {ports}: yours (embedded stack)" in out
    assert f"ok            embedded-stack          in {warm.directory}: supervisor (pid " in out
    assert "postgres, nats, dex, spicedb, plexsphere-signer, plexsphere, " in out
    assert f"ok            embedded-readyz         GET {warm.endpoints.api}/readyz: 200; " in out
    assert code == 0


def test_a_server_that_was_killed_is_found(warm: StackInfo, capsys: pytest.CaptureFixture[str]) -> None:
    os.kill(pid_of(warm, "plexsphere"), signal.SIGKILL)
    until(lambda: (warm.directory / "ends" / "plexsphere.json").exists())
    code, out = doctor(capsys)

    assert code == 1
    assert "FOUND         embedded-stack" in out
    assert f"found  in {warm.directory}: plexsphere is gone: ended with SIGKILL" in out
    again = "plexdev down --stack embedded && plexdev up --prefer stand-in --port 0 --idp-port 0"
    assert f"try    {again}\n" in out

    main.main(["status"])
    fix = f"fix: read {warm.directory}/logs/plexsphere.log; {again}"
    assert fix in capsys.readouterr().out
    assert main.main(["wait", "--timeout", "60"]) == 1
    output = capsys.readouterr().err
    assert "why: plexsphere: ended with SIGKILL: something outside the stack killed it" in output
    assert fix in output


def test_a_supervisor_that_was_killed_is_found(warm: StackInfo, capsys: pytest.CaptureFixture[str]) -> None:
    supervisor = SUPERVISOR.find(warm.directory)
    assert supervisor is not None
    with supervisor:
        supervisor.send(signal.SIGKILL)
    until(lambda: find_warm() is None)
    code, out = doctor(capsys)

    assert code == 1
    assert f"the supervisor in {warm.directory} (pid {supervisor.process.pid}) was killed" in out
    assert "&& plexdev up --prefer stand-in --port 0 --idp-port 0\n" in out


def test_the_advice_for_a_taken_port_ends_the_one_who_has_it(
    warm: StackInfo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    port = str(port_of(warm.endpoints.api))
    monkeypatch.setenv("PLEXDEV_STATE_DIR", str(tmp_path / "another"))
    assert main.main(["up", "--port", port, "--idp-port", "0", "--prefer", "stand-in"]) == 1
    output = capsys.readouterr().err
    end_it = f"PLEXDEV_STATE_DIR={warm.directory.parent} plexdev down --stack embedded"
    assert f"  fix: {end_it}; or use free ports" in output

    monkeypatch.setenv("PLEXDEV_STATE_DIR", str(warm.directory.parent))
    assert main.main(["down", "--stack", "embedded"]) == 0
    assert find_warm() is None
