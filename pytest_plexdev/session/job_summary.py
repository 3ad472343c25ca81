"""Render the summary of a CI job as Markdown: the verdict, what ran, the failures, and the slowest parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from pytest_plexdev.core.markdown import code, fenced, plain
from pytest_plexdev.session import report as terminal
from pytest_plexdev.session.expected_failure import failure_of

if TYPE_CHECKING:
    import pytest

    from pytest_plexdev.core.model import StackInfo
    from pytest_plexdev.session.run import Run

_OUTCOMES: Final = ("failed", "error", "passed", "skipped", "xfailed", "xpassed")
"""The names of pytest's statistics."""
_FAILURES: Final = 20
"""Maximum number of failures; GitHub drops a summary above 1 MiB."""
_CHARACTERS: Final = 4_000
"""Maximum length of the text of a failure."""
_SLOWEST: Final = 5
_WHOLE: Final = "all"
"""The phase that contains the others."""


def failed_reports(reporter: pytest.TerminalReporter) -> Iterator[pytest.TestReport]:
    """Yield the reports of failures in a call, then those of failures in set-up and tear-down."""
    for outcome in ("failed", "error"):
        yield from (report for report in reporter.stats.get(outcome, []) if hasattr(report, "when"))


def render(
    reporter: pytest.TerminalReporter,
    run: Run,
    info: StackInfo | None,
    reports: Sequence[pytest.TestReport],
    *,
    passed: bool,
) -> str:
    """Render the summary.

    Args:
        info: The stack, if there was one.
        reports: The failures.
        passed: Whether the run passed.
    """
    counts = [_count(len(found), outcome) for outcome in _OUTCOMES if (found := reporter.stats.get(outcome))]
    lines = [f"### plexdev: {'passed' if passed else 'failed'}", "", ", ".join(counts) or "no tests ran"]
    lines += _stack(run, info)
    if reports:
        lines += ["", "#### Failures"]
        for report in reports[:_FAILURES]:
            lines += _failure(report)
        if len(reports) > _FAILURES:
            lines += ["", f"{len(reports) - _FAILURES} more failures are in the log."]
    if info is not None and not run.settings.dev_stack:
        lines += _slowest(info)
    return "\n".join(lines)


def _count(number: int, outcome: str) -> str:
    return f"{number} {'errors' if outcome == 'error' and number != 1 else outcome}"


def _stack(run: Run, info: StackInfo | None) -> Iterator[str]:
    yield ""
    if info is None:
        yield "The run had no stack."
        return
    first, *further = terminal.summary(run, info, evidence=(), page=None)
    yield plain(first)
    yield ""
    yield from (f"- {plain(line)}" for line in further)


def _failure(report: pytest.TestReport) -> Iterator[str]:
    failure = failure_of(report)
    where = "" if report.when == "call" else f" ({report.when})"
    yield from ("", f"**{code(report.nodeid)}**{where}", "")
    if failure is None:
        yield from fenced(_crash(report)[:_CHARACTERS])
    else:
        lines = [f"plexdev[{failure.tag}]: {failure.what}", *failure.reasons_and_fixes]
        yield from fenced("\n".join(lines)[:_CHARACTERS])
    if evidence := getattr(report, "plexdev_evidence", None):
        yield from ("", f"Evidence: {code(evidence)}")


def _crash(report: pytest.TestReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    return str(crash.message) if crash is not None else report.longreprtext


def _slowest(info: StackInfo) -> Iterator[str]:
    parts = sorted((phase for phase in info.phases if phase.name != _WHOLE), key=lambda phase: -phase.seconds)
    if not parts:
        return
    yield from ("", "#### Slowest parts of the bring-up", "", "| part | seconds |", "| --- | ---: |")
    yield from (f"| {plain(phase.name)} | {phase.seconds:.2f} |" for phase in parts[:_SLOWEST])
