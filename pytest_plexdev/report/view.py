"""Arrange the events of a run for its page: verdict, stack, tests and failures, each as data for the template."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Final, Literal, TypeAlias, TypeVar

from pytest_plexdev.report.events import (
    BringUpBegan,
    BringUpEnded,
    Event,
    FailureOfTest,
    OutcomeOfTest,
    RunBegan,
    RunEnded,
    StackUsed,
)

Mood: TypeAlias = Literal["good", "bad", "neutral"]
Found = TypeVar("Found")

_BAD: Final = ("failed", "error")
OUTCOMES: Final = ("failed", "error", "passed", "skipped", "xfailed", "xpassed")
"""The outcomes of a test, the worst first."""
_NO_TESTS: Final = 5
"""pytest's exit code if no test ran."""
_EXITS: Final = {
    2: "The run was interrupted",
    3: "pytest failed with an internal error",
    4: "pytest was used in a wrong way",
    _NO_TESTS: "No tests ran",
}


@dataclass(frozen=True)
class RunView:
    """One run.

    Attributes:
        events: Its events, from ``run-began`` on.
        number: Its place on the page, from 1.
    """

    events: Sequence[Event]
    number: int

    @cached_property
    def began(self) -> RunBegan:
        """The first event."""
        return self._only(RunBegan) or RunBegan(version=1, run="", at=0.0, project="", command="")

    @cached_property
    def ended(self) -> RunEnded | None:
        """The last event; ``None`` if the file is incomplete."""
        return self._only(RunEnded)

    @cached_property
    def stack(self) -> StackUsed | None:
        """The stack that the run used."""
        return self._only(StackUsed)

    @cached_property
    def bring_up_began(self) -> float | None:
        """When the bring-up began; ``None`` if the run started no stack."""
        found = self._only(BringUpBegan)
        return None if found is None else found.at

    @cached_property
    def bring_up_ended(self) -> BringUpEnded | None:
        """The end of the bring-up."""
        return self._only(BringUpEnded)

    @cached_property
    def bring_up_error(self) -> str:
        """The error of a bring-up that failed."""
        return "" if self.bring_up_ended is None else self.bring_up_ended.error

    @cached_property
    def tests(self) -> list[OutcomeOfTest]:
        """The tests in the order in which they began."""
        return [each for each in self.events if isinstance(each, OutcomeOfTest)]

    @cached_property
    def failures(self) -> list[FailureOfTest]:
        """What failed."""
        return [each for each in self.events if isinstance(each, FailureOfTest)]

    @cached_property
    def anchors(self) -> Mapping[str, str]:
        """The id of the first failure of each test, for links."""
        anchors: dict[str, str] = {}
        for number, failure in enumerate(self.failures, start=1):
            anchors.setdefault(failure.test, f"run-{self.number}-failure-{number}")
        return anchors

    @cached_property
    def counts(self) -> Mapping[str, int]:
        """The number of tests with each outcome, the worst first."""
        counted = Counter(test.outcome for test in self.tests)
        return {outcome: counted[outcome] for outcome in OUTCOMES if counted[outcome]}

    @property
    def seconds(self) -> float:
        """How long the run took."""
        return max(0.0, self.until - self.began.at)

    @cached_property
    def until(self) -> float:
        """When the last event ended; Unix time, seconds."""
        if self.ended is not None:
            return self.ended.at
        known = [phase.ended for test in self.tests for phase in test.phases]
        return max([self.began.at, *known])

    @cached_property
    def mood(self) -> Mood:
        """Whether the run went well."""
        code = self.ended.exit_code if self.ended is not None else None
        if code == 0:
            return "good"
        return "neutral" if code == _NO_TESTS else "bad"

    @cached_property
    def verdict(self) -> str:
        """The result in a sentence."""
        bad = sum(self.counts.get(outcome, 0) for outcome in _BAD)
        if self.bring_up_error:
            return "The stack did not start"
        if self.ended is None:
            return "The run has no end: its file is incomplete"
        if self.ended.exit_code == 1 or (bad and self.ended.exit_code == 2):
            uncollected = "" if bad else f"{count(len(self.failures), 'module')} could not be collected"
            return uncollected or f"{bad} of {count(len(self.tests), 'test')} failed"
        if self.ended.exit_code == 0:
            passed = self.counts.get("passed", 0)
            if passed == len(self.tests):
                return f"{count(passed, 'test')} passed"
            return f"No test failed, {passed} of {len(self.tests)} passed"
        return _EXITS.get(self.ended.exit_code, f"pytest ended with exit code {self.ended.exit_code}")

    @cached_property
    def age(self) -> str:
        """How old the stack was when the run began; empty if the run started it."""
        if self.stack is None or not self.stack.was_running:
            return ""
        return duration(max(0.0, self.began.at - self.stack.made_at))

    def worker_of(self, test: str) -> str:
        """The worker that ran a test."""
        return self._tests_by_id[test].worker if test in self._tests_by_id else ""

    def outcome_of(self, test: str) -> str:
        """The outcome of a test; ``error`` for a module that could not be collected."""
        return self._tests_by_id[test].outcome if test in self._tests_by_id else "error"

    @cached_property
    def _tests_by_id(self) -> Mapping[str, OutcomeOfTest]:
        return {test.test: test for test in self.tests}

    def _only(self, kind: type[Found]) -> Found | None:
        return next((each for each in self.events if isinstance(each, kind)), None)


def seconds_of(test: OutcomeOfTest) -> float:
    """How long a test took, with set-up and tear-down."""
    return sum(phase.ended - phase.began for phase in test.phases)


def count(number: int, noun: str) -> str:
    """``1 test``, ``2 tests``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def duration(seconds: float) -> str:
    """A duration with two units at most, for example ``85 ms``, ``1.25 s`` or ``3 h 12 min``."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.1f} s"
    for name, size, below, part in (("min", 60, "s", 1), ("h", 3600, "min", 60), ("d", 86_400, "h", 3600)):
        if seconds < size * {"min": 60, "h": 24, "d": 10**6}[name]:
            whole, rest = divmod(seconds, size)
            return f"{whole:.0f} {name} {rest // part:.0f} {below}"
    return f"{seconds:.0f} s"


def moment(at: float) -> str:
    """A Unix time as date and time in UTC."""
    try:
        return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError, OSError):
        return "an unknown time"
