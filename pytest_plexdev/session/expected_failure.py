"""Report a failure of the catalogue without a traceback, because its text has the cause and the fix."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.session import hidden_stdlib

if TYPE_CHECKING:
    from pytest_plexdev.session.run import Run


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
    if error.tag == "server-died":
        run.death = error
    shown = pytest.ExceptionInfo.from_exception(error).getrepr(style="value", chain=False)
    if shown.reprcrash is not None:
        shown.reprcrash.message = error.headline
    if in_test:
        # The line of the test is the only useful part of the traceback.
        lines = [entry.lineno + 1 for entry in raised.traceback if entry.path == item.path]
        last = shown.reprtraceback.reprentries[-1]
        last.lines = [*last.lines, *(f"  at: {item.path}:{line}" for line in lines[-1:])]
    report.longrepr = shown


def _as_expected(raised: pytest.ExceptionInfo[BaseException]) -> PlexdevError | None:
    if isinstance(raised.value, PlexdevError):
        return raised.value
    return hidden_stdlib.explain(raised.value, raised.tb)
