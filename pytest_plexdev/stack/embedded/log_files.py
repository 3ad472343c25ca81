"""Read the log files of an embedded stack, whether it runs or not."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Final

from pytest_plexdev.core.log_window import last_lines, lines_since
from pytest_plexdev.core.model import StackInfo
from pytest_plexdev.core.poll import poll
from pytest_plexdev.core.private_files import open_private
from pytest_plexdev.core.provider_parts import LogWriter

_POLL_INTERVAL_S: Final = 0.1


def read_log(info: StackInfo, service: str) -> str:
    """Return the log of a service; empty if it has none."""
    path = next((one.log for one in info.services if one.name == service), None)
    return path.read_text("utf-8", "replace") if path is not None and path.is_file() else ""


class LogFiles:
    """Implements :class:`pytest_plexdev.core.provider_parts.Logs` for the files below a stack's directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @property
    def directory(self) -> Path:
        """The directory of the stack."""
        return self._directory

    def services(self) -> list[str]:
        """The servers and programs that have a log file, including the supervisor."""
        return sorted(log.stem for log in (self._directory / "logs").glob("*.log"))

    def read(self, service: str, *, since: float | None = None) -> str:
        """Return the log of a service. Of *since* the times in its lines decide."""
        with self._open(service) as log:
            return lines_since(log.read().decode("utf-8", "replace"), since)

    def follow(
        self, services: Sequence[str], write: LogWriter, *, since: float | None = None, tail: int | None = None
    ) -> None:
        """Copy the logs of services and what is added to them, until Ctrl-C."""
        with ExitStack() as opened:
            logs = {service: opened.enter_context(self._open(service)) for service in services}
            for service, log in logs.items():
                text = lines_since(log.read().decode("utf-8", "replace"), since)
                write(service, last_lines(text, tail).encode())

            def copy() -> None:
                for service, log in logs.items():
                    if added := log.read():
                        write(service, added)

            poll(copy, until=lambda _: False, every_s=_POLL_INTERVAL_S)

    def _open(self, service: str) -> IO[bytes]:
        return os.fdopen(open_private(self._file(service), os.O_RDONLY), "rb")

    def _file(self, service: str) -> Path:
        return self._directory / "logs" / f"{service}.log"
