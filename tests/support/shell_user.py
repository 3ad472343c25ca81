"""A user at a shell, who runs the printed commands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

MAX_COMMANDS: Final = 2
"""The maximum number of commands to repair any state."""
TIMEOUT_S: Final = 400.0
FIX: Final = re.compile(r"^\s*fix: (.*)$", re.MULTILINE)


@dataclass
class ShellUser:
    """A user at a shell, who runs the printed commands."""

    directory: Path
    kubeconfig: Path
    """The kubeconfig of the stack."""
    environment: dict[str, str] = field(default_factory=dict)
    commands: list[str] = field(default_factory=list)

    def run(self, *argv: str) -> tuple[int, str]:
        """The exit code and the output of a command."""
        environment = {**os.environ, **self.environment}
        environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
        output = subprocess.run(
            argv, cwd=self.directory, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
        return output.returncode, output.stdout + output.stderr

    def run_fix(self, fix: str) -> None:
        """Run the first command of a fix; those after a semicolon are alternatives."""
        command = fix.partition(";")[0]
        self.commands.append(command)
        if command.startswith("unset "):
            self.environment.pop(command.removeprefix("unset "))
            return
        code, output = self.run("bash", "-c", command)
        assert code == 0, f"{command}\n{output}"

    @property
    def status(self) -> tuple[int, str]:
        return self.run("plexdev", "status", "--stack", "kind")

    def attach(self) -> tuple[int, str]:
        return self.run(sys.executable, "-m", "pytest", "-q", "--dev-stack", "--plexdev-stack=kind", "test_stack.py")

    def repair(self, fix: str) -> None:
        """Run *fix*, and then the fixes of `plexdev status` until it succeeds."""
        self.run_fix(fix)
        while (status := self.status)[0] != 0:
            assert len(self.commands) < MAX_COMMANDS, f"after {self.commands}:\n{status[1]}"
            self.run_fix(fix_of(status[1]))


def fix_of(output: str) -> str:
    found = FIX.findall(output)
    assert found, output
    return str(found[-1])
