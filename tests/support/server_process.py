"""A real server as a process that a test pauses and kills. It ends with pytest, even if that is killed."""

from __future__ import annotations

import signal
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from pytest_plexdev.core.poll import poll
from pytest_plexdev.stack.embedded.processes.child import bind_to_parent

_START_TIMEOUT_S: Final = 60.0
"""Mimir takes half of it on a busy machine."""


class ServerProcess(ABC):
    """One server. A subclass launches its program, and knows when it answers.

    Args:
        log: Its output. Its directory is the working directory.
    """

    def __init__(self, log: Path) -> None:
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def wait(self) -> None:
        """Wait until it answers."""
        has_answered = poll(lambda: self._answers() or self._has_ended(), every_s=0.02, timeout_s=_START_TIMEOUT_S)
        assert has_answered, self._end_of_log()
        assert not self._has_ended(), self._end_of_log()

    def pause(self) -> None:
        """Stop answering, like a host that hangs: connections stay open, and calls time out."""
        self._running.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._running.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """Kill it, like a failing server."""
        self._running.kill()
        self._running.wait()

    @abstractmethod
    def _answers(self) -> bool:
        """Whether it can be used."""

    def _launch(self, argv: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                argv,
                cwd=self._log.parent,
                env=environment,
                preexec_fn=bind_to_parent(signal.SIGKILL, None),
                stdout=log,
                stderr=log,
            )

    @property
    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "it was not started"
        return self._process

    def _has_ended(self) -> bool:
        return self._running.poll() is not None

    def _end_of_log(self) -> str:
        return self._log.read_text(errors="replace")[-4000:]
