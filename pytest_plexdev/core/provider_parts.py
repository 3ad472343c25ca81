"""What the methods of a provider return."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_plexdev.core.model import StackInfo, Verdict
    from pytest_plexdev.core.progress import Progress
    from pytest_plexdev.errors import PlexdevError


@dataclass(frozen=True, kw_only=True)
class Started:
    """What ``up`` returns.

    Attributes:
        info: The stack, which is ready.
        report: What the bring-up did: further members of the result of ``plexdev up --json``.
        notes: The same as lines of text.
    """

    info: StackInfo
    report: Mapping[str, Any] = field(default_factory=dict)
    notes: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Found:
    """A running stack and, if the run ignores drift, its inputs that differ from this checkout's."""

    info: StackInfo
    drift: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Changed:
    """A running stack after a reset or a restart.

    Attributes:
        info: The stack, which is ready again.
        notes: What else a user should know, one line each.
    """

    info: StackInfo
    notes: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """What ``plexdev up plexd`` returns: the agent runs.

    Attributes:
        node_id: Its Node, which is healthy.
        domain: The slug of the Node's Domain.
        image: The reference of its image.
        did: What was done and what was skipped, one line each.
    """

    node_id: str
    domain: str
    image: str
    did: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Options of ``plexdev up`` and ``down`` that a provider does not support, with the reason."""

    options: tuple[str, ...]
    reason: str


class Obstacle(Protocol):
    """Why a warm stack that exists is not found."""

    @property
    def verdict(self) -> Verdict:
        """For ``plexdev status``, in place of the verdicts of services."""
        ...

    @property
    def error(self) -> PlexdevError:
        """For a run or a command that needs the stack."""
        ...


LogWriter: TypeAlias = Callable[[str, bytes], None]
"""Receives a part of a service's log, which may end within a line."""


class Logs(Protocol):
    """The logs of one stack."""

    @property
    def directory(self) -> Path:
        """The directory of the stack."""
        ...

    def services(self) -> list[str]:
        """The services that have a log, sorted."""
        ...

    def read(self, service: str, *, since: float | None = None) -> str:
        """Return the log of a service so far.

        Args:
            since: Unix time, seconds: only what was written after that.
        """
        ...

    def follow(
        self, services: Sequence[str], write: LogWriter, *, since: float | None = None, tail: int | None = None
    ) -> None:
        """Copy the logs of services and what is added to them, until they end or Ctrl-C.

        Args:
            write: Called in this thread, with the name of the service.
            since: Unix time, seconds: begin with what was written after that.
            tail: Begin with this many lines of each log.
        """
        ...


class Changes(Protocol):
    """The changes of one running stack, of which one is made at a time."""

    def services(self) -> Sequence[str]:
        """The services that :meth:`restart` can start again."""
        ...

    def reset(self, progress: Progress) -> Changed:
        """Bring back the state that the bring-up left: database, relations, stream and caches. Logins end.

        Raises:
            PlexdevError: ``not-ours``, ``stack-in-use``; it did not become ready.
        """
        ...

    def restart(self, services: Sequence[str], progress: Progress) -> Changed:
        """Start services again and return once they are ready. Those that store data on a disk keep it.

        Args:
            services: Names among :meth:`services`.

        Raises:
            PlexdevError: ``not-ours``; one did not become ready.
        """
        ...


class Texts(Protocol):
    """The texts of the command line and of a run's summary about a stack of one provider."""

    @property
    def refusals(self) -> Sequence[Refusal]:
        """The options that the provider does not support."""
        ...

    def welcome(self, started: Started, *, seconds: float) -> str:
        """The text that ``plexdev up`` prints.

        Args:
            seconds: Duration of the bring-up.
        """
        ...

    def location(self, info: StackInfo) -> str:
        """Return where the stack runs, for the summary of a run; empty for this machine."""
        ...

    def control_plane(self, info: StackInfo) -> str:
        """Return what serves ``/v1``, for the summary of a run; empty if the list of services shows it."""
        ...

    def how_to_end(self, info: StackInfo) -> str:
        """Return how to stop the warm stack, for the summary of a run."""
        ...
