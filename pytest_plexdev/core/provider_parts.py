"""What the methods of a provider return."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_plexdev.core.model import StackInfo, Verdict
    from pytest_plexdev.errors import PlexdevError


@dataclass(frozen=True, kw_only=True)
class Started:
    """What ``up`` returns.

    Attributes:
        info: The stack, which is ready.
        report: What the bring-up did, besides the stack: members of the object that ``plexdev up --json`` prints.
        notes: The same for a person, in lines.
    """

    info: StackInfo
    report: Mapping[str, Any] = field(default_factory=dict)
    notes: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Found:
    """A running stack, and its inputs that differ from this checkout's where the run ignores drift."""

    info: StackInfo
    drift: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Options of ``plexdev up`` and ``down`` that mean nothing to a provider, and why."""

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


class Logs(Protocol):
    """The logs of one stack."""

    @property
    def directory(self) -> Path:
        """The directory of the stack."""
        ...

    def services(self) -> list[str]:
        """The services that have a log, sorted."""
        ...

    def read(self, service: str) -> str:
        """What a service wrote so far."""
        ...

    def write(self, service: str, to: IO[bytes], *, follow: bool) -> None:
        """Copy a log to *to*; with *follow*, until the log ends or Ctrl-C."""
        ...


class Texts(Protocol):
    """What the command line and the summary of a run say of a stack of one provider."""

    @property
    def refusals(self) -> Sequence[Refusal]:
        """The options that the provider does not read."""
        ...

    def welcome(self, started: Started, *, seconds: float) -> str:
        """The text that ``plexdev up`` prints.

        Args:
            seconds: How long the bring-up took.
        """
        ...

    def location(self, info: StackInfo) -> str:
        """Where the stack runs, for the summary of a run; empty for this machine."""
        ...

    def control_plane(self, info: StackInfo) -> str:
        """What serves ``/v1``, for the summary of a run; empty if the list of services says it."""
        ...

    def how_to_end(self, info: StackInfo) -> str:
        """How the warm stack is ended, for the summary of a run."""
        ...
