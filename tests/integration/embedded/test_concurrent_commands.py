"""Commands that find or stop a warm stack while another process starts it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

UP = [sys.executable, "-m", "pytest_plexdev.cli", "up", "--port", "0", "--idp-port", "0"]


@pytest.fixture
def starting(state: Path) -> Iterator[subprocess.Popen[str]]:
    """``plexdev up`` in the middle of its bring-up."""
    with subprocess.Popen(UP, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        process.stderr.readline()  # of the first phase
        yield process
        process.kill()


def test_down_during_up_is_named_as_the_cause(starting: subprocess.Popen[str]) -> None:
    down = subprocess.run([*UP[:3], "down"], capture_output=True, text=True, check=False)
    _, output = starting.communicate()

    assert (down.returncode, down.stdout) == (0, "plexdev: the stack is down\n")
    assert starting.returncode == 1
    assert output.splitlines()[-3:] == [
        "plexdev[bring-up-stopped]: the bring-up of the embedded stack was stopped",
        "  why: its supervisor received a signal, for example from `plexdev down`",
        "  fix: run it again",
    ]


def test_dev_stack_waits_for_a_stack_that_is_starting(starting: subprocess.Popen[str], tmp_path: Path) -> None:
    (tmp_path / "test_stack.py").write_text(
        "def test_stack(plexdev_stack):\n    assert plexdev_stack.info.id == 'warm'\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "--dev-stack", "--plexdev-stack=embedded", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)

    assert done.returncode == 0, done.stdout
    assert starting.wait() == 0
