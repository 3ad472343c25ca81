"""The help of ``plexdev`` groups its commands, and each command describes itself."""

from __future__ import annotations

import re

import pytest

from pytest_plexdev.cli.main import main

GROUPS = [
    "the stack",
    "people and data",
    "objects of the control plane, by plexctl's nouns and verbs",
    "repair and maintenance",
    "options",
]


def help_of(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as end:
        main([*words, "--help"])
    assert end.value.code == 0
    return capsys.readouterr().out


def test_the_help_groups_the_commands(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    shown = help_of([], capsys)

    assert re.findall(r"^(\S.*):$", shown, re.MULTILINE) == GROUPS
    assert "  status      show the stack, its URLs and the state of every service\n" in shown
    assert "  audit       show who did what in a Domain\n" in shown
    # A line for each command; the alias `list NOUN` has none.
    assert len(shown.splitlines()) <= 45
    assert not re.search("^  list ", shown, re.MULTILINE)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["status"], "Show the stack, its URLs and the state of every service (exit code 0 if all are ready)."),
        (["node", "list"], "List the Nodes of a Domain."),
        (["audit", "verify"], "Recompute the hashes of the chain (exit code 1 if it is broken)."),
    ],
)
def test_a_command_describes_itself(words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert sentence in " ".join(help_of(words, capsys).split())
