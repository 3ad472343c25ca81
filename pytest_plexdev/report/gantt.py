"""Lay out a run on one time axis: the parts of the bring-up, and below them the tests on their workers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from pytest_plexdev.report.bring_up import Bar, bars_of
from pytest_plexdev.report.events import OutcomeOfTest
from pytest_plexdev.report.view import RunView, count, duration, seconds_of

_STEPS: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400)
"""Distances between the ticks of the axis, in seconds."""
_TICKS: Final = 8
"""Maximum number of ticks."""
_SHOWN_PERCENT: Final = 0.4
"""Minimum share of the axis of a set-up that is drawn apart from its test."""
_MARGIN: Final = 1.01
"""The axis is so much longer than the run, so that its last mark is inside."""


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A coloured part of a row. ``left`` and ``width`` are percentages of the axis."""

    left: float
    width: float
    state: str
    title: str
    link: str = ""
    label: str = ""
    test: str = ""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A part of the bring-up, or a worker.

    Attributes:
        spoken: What the row shows, for a screen reader.
    """

    name: str
    segments: Sequence[Segment]
    spoken: str
    note: str = ""
    is_critical: bool = False


@dataclass(frozen=True, kw_only=True)
class Chart:
    """The chart of a run.

    Attributes:
        seconds: The length of the axis.
        ticks: The marks of the axis: a percentage and a text.
        step_s: The distance between two ticks.
    """

    seconds: float
    bring_up: Sequence[Row]
    workers: Sequence[Row]
    ticks: Sequence[tuple[float, str]]
    step_s: float

    @property
    def states(self) -> frozenset[str]:
        """The states of all segments, for the legend."""
        return frozenset(segment.state for row in (*self.bring_up, *self.workers) for segment in row.segments)

    @property
    def has_critical_path(self) -> bool:
        """Whether the bring-up has more than one part."""
        return len(self.bring_up) > 1


def chart_of(run: RunView) -> Chart:
    """Lay out a run."""
    bars = bars_of(run.events)
    begins = [run.began.at, *(bar.began for bar in bars)]
    start = min(begins)
    seconds = max(run.until - start, 0.001) * _MARGIN
    axis = _Axis(start, seconds)
    step = next((step for step in _STEPS if seconds / step <= _TICKS), _STEPS[-1])
    ticks = [(axis.percent(start + number * step), _tick(number * step)) for number in range(int(seconds / step) + 1)]
    workers: dict[str, list[OutcomeOfTest]] = {}
    for test in run.tests:
        workers.setdefault(test.worker, []).append(test)
    return Chart(
        seconds=seconds,
        bring_up=[_bar_row(bar, axis, run) for bar in bars],
        workers=[_worker_row(name, workers[name], axis, run) for name in sorted(workers, key=_by_number)],
        ticks=ticks,
        step_s=step,
    )


@dataclass(frozen=True)
class _Axis:
    start: float
    seconds: float

    def percent(self, at: float) -> float:
        return round(min(100.0, max(0.0, (at - self.start) / self.seconds * 100)), 4)

    def segment(self, began: float, ended: float, state: str, title: str) -> Segment:
        left = self.percent(began)
        return Segment(left=left, width=round(self.percent(ended) - left, 4), state=state, title=title)


def _bar_row(bar: Bar, axis: _Axis, run: RunView) -> Row:
    segments = []
    said = []
    for each in bar.stretches:
        reason = f": {each.reason.partition(chr(10))[0]}" if each.reason else ""
        title = f"{bar.name} {each.state} for {duration(each.ended - each.began)}{reason}"
        segments.append(axis.segment(each.began, each.ended, each.state, title))
        said.append(f"{each.state} from {_at(each.began, axis)} to {_at(each.ended, axis)}{reason}")
    if bar.ready_at is not None:
        until = run.bring_up_ended.at if run.bring_up_ended is not None else bar.ready_at
        ready = f"ready at {_at(bar.ready_at, axis)}"
        segments.append(axis.segment(bar.ready_at, max(until, bar.ready_at), "ready", f"{bar.name} {ready}"))
        said.append(ready)
    if bar.is_critical:
        said.append("on the critical path")
    return Row(
        name=bar.name,
        segments=segments,
        spoken=", ".join(said),
        note=duration(bar.ended - bar.began),
        is_critical=bar.is_critical,
    )


def _worker_row(name: str, tests: Sequence[OutcomeOfTest], axis: _Axis, run: RunView) -> Row:
    segments = [segment for test in tests for segment in _test_segments(test, axis, run)]
    return Row(
        name=name or "tests",
        segments=segments,
        spoken=f"{count(len(tests), 'test')}, which the table of tests lists",
        note=count(len(tests), "test"),
    )


def _test_segments(test: OutcomeOfTest, axis: _Axis, run: RunView) -> Iterator[Segment]:
    phases = [phase for phase in test.phases if phase.ended]
    if not phases:
        return
    began, ended = phases[0].began, phases[-1].ended
    parts = ", ".join(f"{phase.name} {duration(phase.ended - phase.began)}" for phase in phases)
    title = f"{test.test}: {test.outcome} in {duration(seconds_of(test))} ({parts})"
    called = next((phase.began for phase in phases if phase.name != "setup"), ended)
    if axis.percent(called) - axis.percent(began) >= _SHOWN_PERCENT:
        setup = axis.segment(began, called, f"{test.outcome} setup", title)
        yield _of_test(setup, test, "")
        began = called
    yield _of_test(axis.segment(began, ended, test.outcome, title), test, run.anchors.get(test.test, ""))


def _of_test(segment: Segment, test: OutcomeOfTest, link: str) -> Segment:
    return replace(segment, link=link, label=f"{test.test} {test.outcome}", test=test.test)


def _at(at: float, axis: _Axis) -> str:
    return f"{at - axis.start:.2f} s"


def _tick(seconds: float) -> str:
    if seconds >= 60:
        return f"{seconds // 60:.0f}:{seconds % 60:02.0f} min"
    return f"{seconds:g} s"


def _by_number(worker: str) -> tuple[int, str]:
    digits = "".join(filter(str.isdigit, worker))
    return (int(digits) if digits else 0, worker)
