"""Commands without a stack: what they refuse, warn of, and do where there is nothing to do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_plexdev.cli.main import main


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PLEXDEV_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("PATH", str(tmp_path))  # a command that is not refused fails without Docker
    return tmp_path / "state"


def test_a_cluster_may_be_deleted_whosever_it_is(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["down", "--stack", "kind", "--force"]) == 0
    assert "nothing to delete" in capsys.readouterr().out

    # Its files make it the stack that `plexdev down` stops.
    files = state / "kind" / "plexsphere"
    files.mkdir(parents=True)
    (files / "kubeconfig").touch()
    assert main(["down", "--force"]) == 1
    assert "plexdev[cluster-out-of-sight]" in capsys.readouterr().err


def test_what_an_environment_says_stands_for_other_stacks_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DEV_FORCE_DOWN", "1")

    assert main(["down", "--stack", "embedded"]) == 0
    assert "nothing to stop" in capsys.readouterr().out


@pytest.mark.parametrize(
    "command", [["status"], ["down", "--stack", "embedded"], ["env"], ["doctor"], ["whoami"], ["node", "list"]]
)
def test_an_unknown_variable_is_reported_once_with_the_nearest(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PLEXDEV_STAK", "kind")
    monkeypatch.setenv("PLEXDEV_STAET_DIR", "/x")
    main(command)
    printed = capsys.readouterr()

    warnings = [line for line in printed.err.splitlines() if "nothing reads" in line]
    assert warnings == [
        "plexdev: warning: nothing reads PLEXDEV_STAET_DIR; did you mean PLEXDEV_STATE_DIR?",
        "plexdev: warning: nothing reads PLEXDEV_STAK; did you mean PLEXDEV_STACK?",
    ]
    assert "nothing reads" not in printed.out


def test_with_json_the_warning_is_an_object_as_the_progress_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PLEXDEV_STAK", "kind")
    main(["status", "--json"])
    printed = capsys.readouterr()

    assert json.loads(printed.err) == {
        "event": "Warning",
        "text": "nothing reads PLEXDEV_STAK; did you mean PLEXDEV_STACK?",
    }
    assert json.loads(printed.out)["command"] == "status"


@pytest.mark.parametrize("stack", ["embedded", "kind"])
def test_up_refuses_a_wrong_environment_value_for_each_stack(
    stack: str, state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PLEXDEV_TIMEOUT", "abc")

    assert main(["up", "--stack", stack]) == 2
    output = capsys.readouterr().err
    assert "plexdev[bad-setting]" in output
    assert "PLEXDEV_TIMEOUT=abc: must be a number of seconds above 0 (source: environment)" in output
    assert not state.exists()
