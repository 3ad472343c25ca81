"""A stack that a test run uses is neither reset nor are its servers restarted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_plexdev.cli import main
from pytest_plexdev.core.model import StackInfo
from pytest_plexdev.stack import uses

_TEST = """
import subprocess, sys

def test_reset_meanwhile(plexdev_stack):
    for command in (["reset"], ["restart", "nats"]):
        done = subprocess.run([sys.executable, "-m", "pytest_plexdev.cli", *command], capture_output=True, text=True)
        print(done.stderr)
        assert done.returncode == 1
"""


@pytest.mark.parametrize("workers", [[], ["-n1"]], ids=["alone", "xdist"])
def test_it_names_the_run_and_what_to_type(
    warm: StackInfo, workers: list[str], pytester: pytest.Pytester, capsys: pytest.CaptureFixture[str]
) -> None:
    pytester.makepyfile(_TEST)
    arguments = ["--dev-stack", "--plexdev-stack=embedded", "-rP", "-p", "no:cacheprovider", *workers]
    command = [sys.executable, "-m", "pytest", *arguments]

    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=pytester.path) as run:
        output, _ = run.communicate(timeout=60)

    assert run.returncode == 0, output
    words = f"`{Path(sys.executable).name} -m pytest {' '.join(arguments)}` (pid {run.pid})"
    assert f"plexdev[stack-in-use]: the running embedded stack is used by {words}, so it was not changed" in output
    assert "why: a reset ends the logins of its tests and deletes their objects" in output
    end = f"wait until it has ended, or end it: kill {run.pid}; then: "
    assert f"fix: {end}plexdev reset --stack embedded\n" in output
    assert f"fix: {end}plexdev restart nats --stack embedded\n" in output
    assert main.main(["reset"]) == 0


def test_a_run_that_was_killed_is_in_nobodys_way(warm: StackInfo, capsys: pytest.CaptureFixture[str]) -> None:
    code = (
        "import os, signal; from pathlib import Path; from pytest_plexdev.core.model import StackInfo;"
        "from pytest_plexdev.stack import uses;"
        f"uses.record(StackInfo.read(Path({str(warm.directory / 'stack.json')!r})), controller_pid=os.getpid());"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode < 0
    notes = list((warm.directory.parent / "runs").iterdir())
    assert json.loads(notes[0].read_text())["pid"]

    assert main.main(["reset"]) == 0

    assert not notes[0].exists()


def test_a_run_whose_process_is_not_visible_cannot_be_killed(
    warm: StackInfo, capsys: pytest.CaptureFixture[str]
) -> None:
    use = uses.record(warm, controller_pid=os.getpid())
    assert use is not None
    (note,) = (warm.directory.parent / "runs").iterdir()
    note.write_text(note.read_text().replace('"started": ', '"started": 9'))

    assert main.main(["reset"]) == 1

    assert "fix: wait until it has ended; then: plexdev reset --stack embedded" in capsys.readouterr().err
    use.release()
    assert main.main(["reset"]) == 0
