"""Turn the events of a bring-up into one bar per part, with its states, and find the critical path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from pytest_plexdev.report.events import BringUpEnded, Event, PhaseBegan, PhaseEnded, VerdictChanged

_SLACK_S: Final = 0.03
"""Seconds by which a part may begin before its predecessor is known to have ended: events come from several threads."""


@dataclass(kw_only=True)
class Stretch:
    """A time in which a part had one state."""

    began: float
    ended: float
    state: str
    reason: str = ""


@dataclass(kw_only=True)
class Bar:
    """A part of the bring-up: a phase, a service or an object.

    Attributes:
        stretches: Its states in order. The last one is not ``ready``: what is ready has ended.
        ready_at: When it became ready, if it reports a verdict.
        is_critical: Whether the bring-up would have been shorter if it had been.
    """

    name: str
    stretches: list[Stretch] = field(default_factory=list)
    ready_at: float | None = None
    is_critical: bool = False
    is_phase: bool = False
    is_open: bool = True

    @property
    def began(self) -> float:
        """When it began."""
        return self.stretches[0].began

    @property
    def ended(self) -> float:
        """When it was done, or the bring-up failed."""
        return self.stretches[-1].ended

    def enter(self, at: float, state: str, reason: str = "") -> None:
        """Begin the next state."""
        if self.stretches and self.is_open:
            self.stretches[-1].ended = at
        self.stretches.append(Stretch(began=at, ended=at, state=state, reason=reason))
        self.is_open = True

    def close(self, at: float) -> None:
        """End the last state, unless it has ended."""
        if self.is_open and self.stretches:
            self.stretches[-1].ended = max(at, self.stretches[-1].began)
            self.is_open = False


def bars_of(events: Sequence[Event]) -> list[Bar]:
    """Return the parts of the bring-up in the order in which they began, with the critical path marked."""
    bars: dict[str, Bar] = {}
    end = next((each for each in events if isinstance(each, BringUpEnded)), None)
    for event in events:
        match event:
            case PhaseBegan():
                bar = bars.setdefault(event.name, Bar(name=event.name))
                bar.is_phase = True
                bar.enter(event.at, "starting")
            case PhaseEnded() if event.name in bars:
                bars[event.name].close(event.at)
            case VerdictChanged(state="ready"):
                bar = bars.setdefault(event.name, Bar(name=event.name))
                if not bar.stretches:
                    bar.enter(event.at, "starting")
                bar.ready_at = event.at
                bar.close(event.at)
            case VerdictChanged():
                bar = bars.setdefault(event.name, Bar(name=event.name))
                bar.ready_at = None
                bar.enter(event.at, event.state, event.reason)
    last = end.at if end is not None else max((bar.ended for bar in bars.values()), default=0.0)
    found = sorted(bars.values(), key=lambda bar: (bar.began, -bar.ended))
    _close_all(found, last, error=end.error if end is not None else "")
    _mark_critical(found)
    return found


def _close_all(bars: Sequence[Bar], last: float, *, error: str) -> None:
    """End what was unfinished when the bring-up failed; the part that the error names has failed."""
    unfinished = [bar for bar in bars if bar.is_open]
    for bar in unfinished:
        bar.close(last)
        if error and bar.is_phase and bar.stretches[-1].state == "starting":
            bar.stretches[-1].state = "cancelled"
    headline = error.partition("\n")[0]
    named = [bar for bar in bars if bar.name in headline]
    if named:
        # `plexsphere` is in the name of `plexsphere-bootstrap` too.
        max(named, key=lambda bar: len(bar.name)).stretches[-1].state = "doomed"


def _mark_critical(bars: Sequence[Bar]) -> None:
    phases = [bar for bar in bars if bar.is_phase and not _is_whole(bar, bars)]
    objects = [bar for bar in bars if not bar.is_phase]
    for bar in _path(phases or objects):
        bar.is_critical = True
        # The objects of a cluster belong to the phase in which they are waited for.
        for each in _path([each for each in objects if bar.began <= each.began and each.ended <= bar.ended + _SLACK_S]):
            each.is_critical = True


def _is_whole(bar: Bar, bars: Sequence[Bar]) -> bool:
    """Whether a phase contains all others, as the sum of a bring-up does."""
    others = [each for each in bars if each is not bar]
    return bool(others) and all(bar.began <= each.began and each.ended <= bar.ended for each in others)


def _path(bars: Sequence[Bar]) -> list[Bar]:
    """The part that ended last, the one whose end it had waited for, and so on to the beginning."""
    path: list[Bar] = []
    current = max(bars, key=lambda bar: (bar.stretches[-1].state == "doomed", bar.ended), default=None)
    while current is not None:
        path.append(current)
        before = [
            bar
            for bar in bars
            if bar not in path and bar.ended <= current.began + _SLACK_S and bar.began < current.began
        ]
        current = max(before, key=lambda bar: bar.ended, default=None)
    return path
