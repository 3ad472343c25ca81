"""Show a failure of the catalogue without a traceback: it says itself what happened and what to type."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_plexdev.errors import PlexdevError

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
    """Replace the traceback of an expected failure by its text; other failures stay as they are.

    Args:
        in_test: Whether the test itself raised it, and not a fixture.
    """
    if not isinstance(raised.value, PlexdevError):
        return
    if raised.value.tag == "server-died":
        run.death = raised.value
    shown = raised.getrepr(style="value", chain=False)
    if shown.reprcrash is not None:
        shown.reprcrash.message = raised.value.headline
    if in_test:
        # The one thing of a traceback that its reader needs: which line of the test.
        lines = [entry.lineno + 1 for entry in raised.traceback if entry.path == item.path]
        last = shown.reprtraceback.reprentries[-1]
        last.lines = [*last.lines, *(f"  at: {item.path}:{line}" for line in lines[-1:])]
    report.longrepr = shown
