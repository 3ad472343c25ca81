"""The interface to the faults of a stack that one test has to itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pytest_plexdev.core.model import StackInfo


class Faults(Protocol):
    """Breaks the services of one stack and mends them. A method returns once the service is in its new state."""

    def pause(self, service: str) -> None:
        """Freeze the service: its connections stay open and it answers nothing.

        Raises:
            PlexdevError: ``service-ended``: it does not run; ``supervisor-lost``: the stack has ended.
        """
        ...

    def resume(self, service: str) -> None:
        """Let a frozen service continue."""
        ...

    def kill(self, service: str) -> None:
        """Kill the service without giving it time to finish. Its clients are refused until it is started.

        Raises:
            PlexdevError: See :meth:`pause`.
        """
        ...

    def start(self, service: str) -> None:
        """Start the service with its data; one that runs is stopped in order before.

        Raises:
            PlexdevError: ``restart-failed``: it did not become ready.
        """
        ...

    def set_environment(self, service: str, variables: Mapping[str, str | None]) -> None:
        """Replace the variables that earlier calls have set for the service; they count from its next start.

        Args:
            variables: ``None`` removes a variable that the service has by default.
        """
        ...

    def set_delay(self, service: str, seconds: float) -> None:
        """Deliver what the service sends *seconds* later, from its next start on. 0: not later."""
        ...

    def reread(self) -> StackInfo:
        """Return the description of the stack as it is now: a started service has another process.

        Raises:
            PlexdevError: ``state-damaged``, ``untrusted-path``.
        """
        ...
