"""A user at a shell, who runs the printed commands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

COMMANDS: Final = 2
"""The maximum number of commands to repair any state."""
PATIENCE_S: Final = 400.0
FIX: Final = re.compile(r"^\s*fix: (.*)$", re.MULTILINE)


@dataclass
class Person:
    """A user at a shell, who runs the printed commands."""

    directory: Path
    kubeconfig: Path
    """The kubeconfig of the stack."""
    environment: dict[str, str] = field(default_factory=dict)
    typed: list[str] = field(default_factory=list)

    def says(self, *argv: str) -> tuple[int, str]:
        """The exit code and the output of a command."""
        environment = {**os.environ, **self.environment}
        environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
        said = subprocess.run(
            argv, cwd=self.directory, env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )
        return said.returncode, said.stdout + said.stderr

    def types(self, fix: str) -> None:
        """Run the first command of a fix; those after a semicolon are alternatives."""
        command = fix.partition(";")[0]
        self.typed.append(command)
        if command.startswith("unset "):
            self.environment.pop(command.removeprefix("unset "))
            return
        code, said = self.says("bash", "-c", command)
        assert code == 0, f"{command}\n{said}"

    @property
    def status(self) -> tuple[int, str]:
        return self.says("plexdev", "status", "--stack", "kind")

    def attaches(self) -> tuple[int, str]:
        return self.says(sys.executable, "-m", "pytest", "-q", "--dev-stack", "--plexdev-stack=kind", "test_stack.py")

    def walks(self, fix: str) -> None:
        """Run *fix*, and then the fixes of `plexdev status` until it succeeds."""
        self.types(fix)
        while (status := self.status)[0] != 0:
            assert len(self.typed) < COMMANDS, f"after {self.typed}:\n{status[1]}"
            self.types(fix_of(status[1]))


def fix_of(said: str) -> str:
    found = FIX.findall(said)
    assert found, said
    return str(found[-1])
