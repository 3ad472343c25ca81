"""Read the log files of an embedded stack, whether it runs or not."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO, Final

from pytest_plexdev.core.model import StackInfo
from pytest_plexdev.core.poll import poll
from pytest_plexdev.core.private_files import open_private

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

    def read(self, service: str) -> str:
        """Return the log of a service."""
        with os.fdopen(open_private(self._file(service), os.O_RDONLY), "rb") as log:
            return log.read().decode("utf-8", "replace")

    def write(self, service: str, to: IO[bytes], *, follow: bool) -> None:
        """Copy the log of a service to *to*; with *follow*, until Ctrl-C."""
        with os.fdopen(open_private(self._file(service), os.O_RDONLY), "rb") as log:

            def copy() -> None:
                to.write(log.read())
                to.flush()

            poll(copy, until=lambda _: not follow, every_s=_POLL_INTERVAL_S)

    def _file(self, service: str) -> Path:
        return self._directory / "logs" / f"{service}.log"
