"""When set-up, call and tear-down of a test began, to keep apart what happened in each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

SHOWN: Final = {"setup": "set-up", "call": "call", "teardown": "tear-down"}
"""How a phase is named in evidence, by pytest's name."""


class Timed(Protocol):
    """Something that happened at a moment."""

    @property
    def at(self) -> float:
        """Unix time, seconds."""
        ...


Happened = TypeVar("Happened", bound=Timed)


@dataclass(frozen=True)
class Phases:
    """The phases of one test so far, in order: each by pytest's name with its beginning (Unix time, seconds)."""

    began: tuple[tuple[str, float], ...]

    @property
    def current(self) -> str:
        """The phase that failed, as evidence names it."""
        return SHOWN[self.began[-1][0]]

    def split(self, happened: Iterable[Happened]) -> dict[str, list[Happened]]:
        """Return what happened in each phase, by the phase's name in evidence. Phases without anything are left out.

        What happened before the test, for example in a fixture of a wider scope, counts as set-up.
        """
        of_phase: dict[str, list[Happened]] = {}
        for each in happened:
            of_phase.setdefault(SHOWN[self._at(each.at)], []).append(each)
        return of_phase

    def _at(self, moment: float) -> str:
        names = [name for name, began in self.began if began <= moment]
        return names[-1] if names else self.began[0][0]
