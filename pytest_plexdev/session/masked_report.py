"""Mask secrets in pytest's own report of a test: tracebacks, locals, assertion diffs, captured output.

The terminal, JUnit XML, HTML reports and pytest-xdist's controller use this report. Live logs (``log_cli``) and ``-s``
are printed before the report exists, so they are not masked.
"""

from __future__ import annotations

import itertools
import traceback
from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pytest_plexdev.masking.rule import mask


def mask_report(report: pytest.TestReport, secrets: Collection[str]) -> None:
    """Mask *report* in place. Source lines are not masked, because they have no secrets of a run.

    If masking fails, all text of the report is replaced by the reason, so that nothing is printed unmasked.

    Args:
        secrets: Values that are masked wherever they occur.
    """
    try:
        _mask(report, partial(mask, known=secrets))
    except Exception as error:
        _withhold(report, error)


def _withhold(report: pytest.TestReport, error: Exception) -> None:
    *_, raised = traceback.extract_tb(error.__traceback__)
    # Without the error's message, which may contain the text that could not be masked.
    where = f"{type(error).__name__} in {Path(raised.filename).name}:{raised.lineno}"
    why = f"plexdev: not shown, because secrets in it could not be masked: {where}"
    titles = [title for title, _ in report.sections]
    report.sections[:] = [(title, why) for title in titles]
    if isinstance(report.longrepr, tuple):
        path, line, _ = report.longrepr  # of a skipped test
        report.longrepr = path, line, f"Skipped: {why}"
    elif report.longrepr is not None:
        report.longrepr = why


def _mask(report: pytest.TestReport, rule: Callable[[str], str]) -> None:
    report.sections[:] = [(title, rule(text)) for title, text in report.sections]
    shown: Any = report.longrepr
    if isinstance(shown, str):
        report.longrepr = rule(shown)
        return
    # A chain of exceptions or a single one. A missing fixture and a skipped test have neither.
    for trace, crash, _ in getattr(shown, "chain", None) or [_single(shown)]:
        for entry in getattr(trace, "reprentries", ()):
            _mask_entry(entry, rule)
        if crash is not None:
            crash.message = rule(crash.message)
    if getattr(shown, "reprcrash", None) is not None:
        shown.reprcrash.message = rule(shown.reprcrash.message)
    if getattr(shown, "sections", None):
        shown.sections[:] = [(title, rule(text), sep) for title, text, sep in shown.sections]


def _single(shown: Any) -> tuple[Any, Any, None]:
    return getattr(shown, "reprtraceback", None), getattr(shown, "reprcrash", None), None


def _mask_entry(entry: Any, rule: Callable[[str], str]) -> None:
    is_native = not hasattr(entry, "reprfuncargs")
    has_source = not is_native and entry.style != "value"
    entry.lines = _mask_messages(entry.lines, rule) if has_source else _mask_lines(entry.lines, rule)
    if getattr(entry, "reprlocals", None) is not None:
        entry.reprlocals.lines = _mask_lines(entry.reprlocals.lines, rule)
    if getattr(entry, "reprfuncargs", None) is not None:
        # Name and value together, because the name decides whether the value is a secret.
        pairs = ((name, rule(f"{name} = {value}")) for name, value in entry.reprfuncargs.args)
        entry.reprfuncargs.args = [(name, pair.removeprefix(f"{name} = ")) for name, pair in pairs]


def _mask_messages(lines: Sequence[str], rule: Callable[[str], str]) -> list[str]:
    """Mask the message of the exception: the lines that begin with ``E``. The others are source code."""
    return [
        line
        for is_message, group in itertools.groupby(lines, lambda line: line.startswith("E"))
        for line in (_mask_lines([*group], rule) if is_message else group)
    ]


def _mask_lines(lines: Sequence[str], rule: Callable[[str], str]) -> list[str]:
    return rule("\n".join(lines)).split("\n")
