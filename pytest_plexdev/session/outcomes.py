"""Reduce the reports of each test's phases to one event with its outcome."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pytest_plexdev.report.events import Outcome, OutcomeOfTest, PhaseOfTest

if TYPE_CHECKING:
    from pytest_plexdev.session.ran_tests import RanTests

_WORSE: Final[tuple[Outcome, ...]] = ("passed", "xpassed", "xfailed", "skipped", "error", "failed")
"""The outcomes of phases; a later one is the test's. A test has several calls if it has subtests."""
_CRASHED: Final = "???"
"""The phase of a report that pytest-xdist makes for a worker that has crashed."""


@dataclass
class _Test:
    worker: str
    outcome: Outcome = "passed"
    phases: list[PhaseOfTest] = field(default_factory=list)


def outcomes(ran: RanTests, rule: Callable[[str], str]) -> Iterator[OutcomeOfTest]:
    """Yield the event of each test, in the order in which the tests began.

    Args:
        rule: Masks a text.
    """
    tests: dict[str, _Test] = {}
    for test, phase, outcome, began, ended, worker, is_expected in ran.reports:
        if phase == "setup":
            tests.pop(test, None)  # a plugin repeats it
        this = tests.setdefault(test, _Test(worker))
        if phase != _CRASHED:
            this.phases.append(PhaseOfTest(name=phase, began=began, ended=ended))
        this.outcome = max(this.outcome, _outcome(phase, outcome, is_expected=is_expected), key=_WORSE.index)
    reasons = {report.nodeid: _reason(report) for report in ran.not_passed if report.skipped}
    for test, this in tests.items():
        yield OutcomeOfTest(
            test=rule(test),
            worker=this.worker,
            outcome=this.outcome,
            phases=tuple(this.phases),
            reason=rule(reasons.get(test, "")),
        )


def _outcome(phase: str, outcome: str, *, is_expected: bool) -> Outcome:
    match outcome:
        case "failed":
            return "failed" if phase in {"call", _CRASHED} else "error"
        case "skipped":
            return "xfailed" if is_expected else "skipped"
        case "passed":
            return "xpassed" if is_expected and phase == "call" else "passed"
    return "passed"  # an outcome of another plugin, such as `rerun`, which another report follows


def _reason(report: object) -> str:
    expected: str | None = getattr(report, "wasxfail", None)
    if expected is not None:
        return expected.removeprefix("reason: ")
    longrepr = getattr(report, "longrepr", None)
    return str(longrepr[2]).removeprefix("Skipped: ") if isinstance(longrepr, tuple) else ""
