"""The notes of a run: files in its directory in which the first process with the stack describes it.

Other processes of the run read them, for example the controller's summary if only workers used the stack.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_plexdev.core.model import StackInfo
from pytest_plexdev.core.private_files import read_private, write_private

if TYPE_CHECKING:
    from pytest_plexdev.testkit.stack import Stack


@dataclass(frozen=True)
class RunNotes:
    """The notes in one run's directory.

    Attributes:
        running: The stack of this process, if it has one. Its data is used instead of the files.
    """

    directory: Path
    stack_file: Path
    running: Stack | None

    @property
    def info(self) -> StackInfo:
        """The stack."""
        return self.running.info if self.running is not None else StackInfo.read(self.stack_file)

    @property
    def drift(self) -> Sequence[str]:
        """The ignored drift: the inputs of the running stack that differ from this checkout's."""
        return self.running.drift if self.running is not None else _read(self._drift_file).splitlines()

    @property
    def passed_over(self) -> str:
        """Why another warm stack that exists is not used; empty if there is none."""
        return self.running.passed_over if self.running is not None else _read(self._passed_over_file)

    def write(self, info: StackInfo, *, drift: Sequence[str], passed_over: str) -> None:
        """Write all notes, unless another process has written them."""
        if not self.stack_file.exists():
            write_private(self._drift_file, "\n".join(drift).encode(errors="backslashreplace"))
            write_private(self._passed_over_file, passed_over.encode(errors="backslashreplace"))
            info.write(self.stack_file)

    @property
    def _passed_over_file(self) -> Path:
        return self.directory / "passed-over.txt"

    @property
    def _drift_file(self) -> Path:
        return self.directory / "drift.txt"


def _read(file: Path) -> str:
    return read_private(file).decode(errors="replace") if file.is_file() else ""
