"""``--json`` prints one object with the same members for each command and each failure."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from pytest_plexdev.cli.main import build_parser, main


@pytest.fixture(autouse=True)
def nothing_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLEXDEV_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.setenv("PATH", str(tmp_path))


def leaves(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    inner = [each for each in parser._actions if isinstance(each, argparse._SubParsersAction)]
    if not inner:
        yield parser
    for action in inner:
        for child in action.choices.values():
            yield from leaves(child)


def printed_object(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    printed: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert list(printed) == ["command", "ok", "exit_code", "result", "error"]
    return printed


@pytest.mark.parametrize("parser", list(leaves(build_parser())), ids=lambda each: each.prog)
def test_every_command_takes_it(parser: argparse.ArgumentParser) -> None:
    assert "--json" in parser._option_string_actions


@pytest.mark.parametrize("command", [["status"], ["wait", "--timeout", "0.1"], ["env"], ["logs"], ["whoami"]])
def test_an_error_has_the_same_envelope(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code = main([*command, "--json"])
    printed = printed_object(capsys)

    assert (printed["command"], printed["ok"], printed["exit_code"], printed["result"]) == (
        command[0],
        False,
        code,
        None,
    )
    assert list(printed["error"]) == ["tag", "what", "why", "fix", "detail", "advice"]
    assert printed["error"]["tag"] in {"stack-missing", "not-ready-in-time"}
    assert "plexdev up" in printed["error"]["fix"]


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (["up", "--nonsense", "--json"], "up"),
        (["up", "--reapply", "--json"], "up"),
        (["images", "build", "--port", "1", "--json"], "images"),
        (["nonsense", "--json"], None),
        (["--json"], None),
        (["--json", "status"], None),
        (["status", "--json=1"], "status"),
        (["list", "nonsense", "--output", "json"], "list"),
        (["logs", "nats", "--follow", "--json"], "logs"),
    ],
)
def test_a_wrong_command_line_too(words: list[str], command: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(words)

    printed = printed_object(capsys)
    assert (end.value.code, printed["command"], printed["exit_code"], printed["error"]["tag"]) == (
        2,
        command,
        2,
        "usage",
    )


def test_nothing_to_do_is_a_result(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["down", "--stack", "embedded", "--json"]) == 0

    printed = printed_object(capsys)
    assert printed["ok"] is True
    assert "nothing to stop" in printed["result"]["done"][0]


@pytest.mark.parametrize("words", [["--version", "--json"], ["--json", "--version"]])
def test_the_version_for_programs(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(words)

    printed = printed_object(capsys)
    assert (end.value.code, printed["command"], printed["ok"], printed["exit_code"]) == (0, None, True, 0)
    assert printed["result"] == {"version": version("pytest-plexdev")}


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--version"])

    assert end.value.code == 0
    assert capsys.readouterr().out == f"plexdev {version('pytest-plexdev')}\n"
