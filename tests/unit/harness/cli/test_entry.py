"""A signal while the command's modules are imported: a message and the right exit code."""

from __future__ import annotations

import subprocess
import sys

import pytest

# The signal is sent at a fixed point of the start: when the first module of a command is searched.
TERMINATED_WHILE_IMPORTING = """
import os, runpy, signal, sys

class Terminates:
    def find_spec(self, name, path=None, target=None):
        if name == "pytest_plexdev.cli.main":
            os.kill(os.getpid(), signal.{signal})

signal.signal(signal.{signal}, signal.SIG_DFL)  # nohup ignores SIGHUP
sys.meta_path.insert(0, Terminates())
sys.argv = ["plexdev", "--version"]
runpy.run_module("pytest_plexdev.cli", run_name="__main__")
"""


@pytest.mark.parametrize(("signal", "code"), [("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_signal_that_comes_before_the_command_is_told(signal: str, code: int) -> None:
    script = TERMINATED_WHILE_IMPORTING.format(signal=signal)
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)

    assert (result.returncode, result.stdout) == (code, "")
    assert result.stderr == f"plexdev: ended by {signal}; the command had not started\n"
