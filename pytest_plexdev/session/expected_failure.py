"""Report a failure of the catalogue without a traceback, because its text has the cause and the fix."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.masking.rule import mask
from pytest_plexdev.session import hidden_stdlib
from pytest_plexdev.session.item_checks import OWN_STACK, secrets_of, stacks_of

if TYPE_CHECKING:
    from pytest_plexdev.session.run import Run

_FACTS: Final = "plexdev_failure"
"""The attribute of a report with the facts of an expected failure. pytest-xdist passes it to the controller."""


@dataclass(frozen=True, kw_only=True)
class ExpectedFailure:
    """What a report knows of an expected failure, masked.

    Attributes:
        advice: Commands, see :class:`~pytest_plexdev.errors.base.Advice`.
        file: The file of the test.
        line: The number of the line from 1, of the failure or of the test; ``None`` for a test without one.
    """

    tag: str
    what: str
    why: str
    fix: str
    advice: tuple[str, ...]
    file: str
    line: int | None

    @property
    def reasons_and_fixes(self) -> list[str]:
        """Why it happened, and what to type next, as lines."""
        why = [f"why: {self.why}"] if self.why else []
        return [*why, *(f"try: {command}" for command in self.advice), f"fix: {self.fix}"]


def failure_of(report: object) -> ExpectedFailure | None:
    """Return the facts of a report, if its failure is an expected one."""
    facts: Any = getattr(report, _FACTS, None)
    return ExpectedFailure(**{**facts, "advice": tuple(facts["advice"])}) if facts is not None else None


def shorten(
    report: pytest.TestReport,
    raised: pytest.ExceptionInfo[BaseException],
    item: pytest.Item,
    run: Run,
    *,
    in_test: bool,
) -> None:
    """Replace the traceback of a :class:`PlexdevError` by its text. Other failures are not changed.

    Args:
        in_test: Whether the test itself raised it rather than a fixture.
    """
    error = _as_expected(raised)
    if error is None:
        return
    if error.tag == "server-died" and OWN_STACK not in item.stash:
        run.death = error
    shown = pytest.ExceptionInfo.from_exception(error).getrepr(style="value", chain=False)
    if shown.reprcrash is not None:
        shown.reprcrash.message = error.headline
    line = _line_of(item)
    if in_test:
        # The line of the test is the only useful part of the traceback.
        lines = [entry.lineno + 1 for entry in raised.traceback if entry.path == item.path]
        line = lines[-1] if lines else line
        last = shown.reprtraceback.reprentries[-1]
        last.lines = [*last.lines, *(f"  at: {item.path}:{line}" for line in lines[-1:])]
    report.longrepr = shown
    secrets = secrets_of(item, run, stacks_of(item, run))
    vars(report)[_FACTS] = _facts(error, item.path, line, secrets=secrets)


def _line_of(item: pytest.Item) -> int | None:
    number = item.location[1]
    return number + 1 if number is not None else None


def _facts(error: PlexdevError, file: Path, line: int | None, *, secrets: Collection[str]) -> dict[str, Any]:
    what, why, fix, *advice = (
        mask(text, secrets) for text in (error.what, error.why, error.fix, *(each.command for each in error.advice))
    )
    facts = ExpectedFailure(tag=error.tag, what=what, why=why, fix=fix, advice=tuple(advice), file=str(file), line=line)
    return {**asdict(facts), "advice": advice}  # what execnet can send


def _as_expected(raised: pytest.ExceptionInfo[BaseException]) -> PlexdevError | None:
    if isinstance(raised.value, PlexdevError):
        return raised.value
    return hidden_stdlib.explain(raised.value, raised.tb)
