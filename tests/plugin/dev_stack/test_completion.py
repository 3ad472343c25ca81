"""A shell completes the command line of ``plexdev``, with what the running stack knows."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from pytest_plexdev.cli import main
from pytest_plexdev.core.model import StackInfo

IN_BASH: Final = """
eval "$(plexdev completion bash)"
registered=$(complete -p plexdev)
function=${registered#*-F }
COMP_LINE=$1 COMP_POINT=${#1} COMP_TYPE=9
${function%% *} plexdev
printf '%s\\n' "${COMPREPLY[@]}"
"""


def completed(line: str) -> list[str]:
    """What bash completes, without the space that follows a whole word."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    command = ["bash", "--norc", "-c", IN_BASH, "bash", line]
    done = subprocess.run(command, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=True)
    return [word.strip() for word in done.stdout.splitlines() if word.strip()]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("plexdev st", ["status"]),
        ("plexdev images ver", ["verify"]),
        ("plexdev status --js", ["--json"]),
        ("plexdev up --stack em", ["embedded"]),
        ("plexdev list au", ["audit"]),
        ("plexdev audit l", ["list"]),
        ("plexdev node list --domain b", ["beta-llc"]),
        ("plexdev login --user m", ["member@example.com"]),
        ("plexdev login --domain b", ["beta-llc"]),
        ("plexdev logs plexsphere-s", ["plexsphere-signer"]),
        ("plexdev logs nats de", ["dex"]),
    ],
)
def test_bash_completes(stack: StackInfo, line: str, words: list[str]) -> None:
    assert completed(line) == words


def test_without_a_stack_there_are_no_services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLEXDEV_STATE_DIR", str(tmp_path))

    assert completed("plexdev logs n") == []


@pytest.mark.parametrize("shell", ["bash", "fish", "zsh"])
def test_the_script_of_each_shell_parses(shell: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["completion", shell]) == 0

    script = tmp_path / "script"
    script.write_text(capsys.readouterr().out)
    assert "plexdev" in script.read_text()
    if (program := shutil.which(shell)) is None:
        pytest.skip(f"{shell} is not installed")
    subprocess.run([program, "-n", str(script)], check=True)
