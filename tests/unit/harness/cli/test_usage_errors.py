"""A wrong command line is a usage error that names what is wrong, and nothing is done."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_plexdev.cli.main import main

MISSPELT = [
    ("up --prot 9", "plexdev up: error: unrecognized arguments: --prot; did you mean --port?"),
    ("logs -fllow api --stck kind", "unrecognized arguments: --stck; did you mean --stack?"),
    ("login -x acme", "plexdev login: error: unrecognized arguments: -x"),
    ("up --prot=0", "plexdev up: error: unrecognized arguments: --prot=0; did you mean --port?"),
    ("status --js", "plexdev status: error: unrecognized arguments: --js; did you mean --json?"),
    ("doctor --fxi x", "plexdev doctor: error: unrecognized arguments: --fxi; did you mean --fix?"),
    ("down everything", "plexdev down: error: argument service: invalid choice: 'everything' ("),
    ("wait everything", "plexdev wait: error: unrecognized arguments: everything\n"),
]
ANOTHER_STACK = [
    ("up --reapply", "plexdev up: error: --reapply needs --stack kind"),
    ("up --stack embedded --reapply", "plexdev up: error: --reapply needs --stack kind"),
    ("up --stack kind --prefer real", "plexdev up: error: --prefer needs --stack embedded"),
    ("down --force", "plexdev down: error: --force needs --stack kind"),
    ("down --stack embedded --force", "plexdev down: error: --force needs --stack kind"),
    ("down --directory x --force", "plexdev down: error: --force applies to the warm cluster only"),
]
OF_A_SERVICE = [
    ("up plexd --profile full", "plexdev up: error: --profile concerns a whole stack, not plexd"),
    ("up plexd --reapply", "plexdev up: error: --reapply concerns a whole stack, not plexd"),
    ("up plexd --port 0", "plexdev up: error: --port concerns a whole stack, not plexd"),
    ("up plexd --stack embedded", "plexdev up: error: plexd needs --stack kind"),
    ("up plexd --image dex=dex:1", "plexdev up: error: argument --image: dex=dex:1: must be plexd=REF"),
    ("up plexd --image plexd=", "plexdev up: error: argument --image: plexd=: must be plexd=REF"),
    ("up --image plexd=plexd:1", "plexdev up: error: --image names the image of a service"),
    ("up dex", "plexdev up: error: argument service: invalid choice: 'dex'"),
    ("down plexd --force", "plexdev down: error: --force concerns a whole stack, not plexd"),
    ("down plexd --directory x", "plexdev down: error: --directory concerns a whole stack, not plexd"),
    ("down plexd --stack embedded", "plexdev down: error: plexd needs --stack kind"),
]


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PLEXDEV_STATE_DIR", str(tmp_path / "state"))
    # A command that is not refused finds neither a stack nor a program.
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    return tmp_path / "state"


@pytest.mark.parametrize(("command", "message"), [*MISSPELT, *ANOTHER_STACK, *OF_A_SERVICE])
def test_a_wrong_command_line_is_a_usage_error(
    state: Path, command: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(command.split())

    assert end.value.code == 2
    assert message in capsys.readouterr().err
    assert not state.exists()
