"""Have the supervisor of a stack that one test has to itself break its services, and mend them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_plexdev.core.progress import no_progress
from pytest_plexdev.stack.embedded.control import request
from pytest_plexdev.stack.embedded.supervisor.protocol import Change, Fault
from pytest_plexdev.stack.embedded.warm import read_stack

if TYPE_CHECKING:
    from pytest_plexdev.core.model import StackInfo


class EmbeddedFaults:
    """Implements :class:`pytest_plexdev.core.faults.Faults` for a stack that was started for one test.

    Args:
        directory: The stack's directory.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._variables: dict[str, Mapping[str, str | None]] = {}
        self._delays: dict[str, float] = {}

    def pause(self, service: str) -> None:
        """Freeze its processes (SIGSTOP)."""
        self._request("pause", service)

    def resume(self, service: str) -> None:
        """Continue its processes (SIGCONT)."""
        self._request("resume", service)

    def kill(self, service: str) -> None:
        """Kill its processes (SIGKILL)."""
        self._request("kill", service)

    def start(self, service: str) -> None:
        """Start it at the same address, on the same data."""
        variables, delay_s = self._variables.get(service), self._delays.get(service)
        change = Change(services=(service,), variables=variables, delay_s=delay_s)
        request(change, self._directory, no_progress)

    def set_environment(self, service: str, variables: Mapping[str, str | None]) -> None:
        """Set variables for the next start."""
        self._variables[service] = variables

    def set_delay(self, service: str, seconds: float) -> None:
        """Have the supervisor relay its connections from the next start on."""
        self._delays[service] = seconds

    def reread(self) -> StackInfo:
        """Read the stack's file, which the supervisor has written anew."""
        return read_stack(self._directory)

    def _request(self, fault: Fault, service: str) -> None:
        request(Change(services=(service,), fault=fault), self._directory, no_progress)
