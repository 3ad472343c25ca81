"""Render the page of one or more runs: one HTML file that needs no network.

Every text is escaped by Jinja2. A policy in the page allows the page's own script only, by its hash.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pytest_plexdev.core.text import printable
from pytest_plexdev.report import gantt, view
from pytest_plexdev.report.events import Event

MARK: Final = '<!doctype html>\n<html lang="en" data-plexdev-report>'
"""The beginning of a report, which identifies it."""
_EARLIER_MARK: Final = "<!doctype html><meta charset=utf-8><title>plexdev: "
"""The beginning of the timeline that earlier versions wrote in place of a report."""
_TEMPLATES: Final = Path(__file__).parent / "templates"
_LEGEND: Final = (
    ("starting", "starting"),
    ("waiting", "waiting"),
    ("ready", "ready"),
    ("doomed", "failed"),
    ("gone", "gone"),
    ("cancelled", "cancelled"),
    ("passed setup", "set-up"),
    ("passed", "test passed"),
    ("failed", "test failed"),
    ("error", "test with an error"),
    ("skipped", "test skipped"),
)
"""The colours of the timeline: the classes, and what they mean."""
_ESSENTIAL: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"


def render(runs: Sequence[Sequence[Event]]) -> str:
    """Return the page of these runs, in the order in which they began."""
    environment = Environment(
        autoescape=True,
        loader=FileSystemLoader(_TEMPLATES),
        lstrip_blocks=True,
        trim_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters |= {"duration": view.duration, "moment": view.moment, "lines": _lines}
    in_order = sorted(runs, key=lambda events: view.RunView(events, 0).began.at)
    views = [view.RunView(events, number) for number, events in enumerate(in_order, start=1)]
    script = (_TEMPLATES / "report.js").read_text("utf-8")
    page = environment.get_template("report.html.j2").render(
        mark=MARK,
        policy=f"{_ESSENTIAL}; script-src 'sha256-{_digest(script)}'",
        script=script,
        style=(_TEMPLATES / "report.css").read_text("utf-8"),
        runs=[(each, gantt.chart_of(each)) for each in views],
        totals=_totals(views),
        count=view.count,
        legend=_LEGEND,
        seconds_of=view.seconds_of,
    )
    return printable(page)


def is_report(content: bytes) -> bool:
    """Whether a file that begins like this may be replaced: it is empty, or a report of plexdev."""
    return any(mark.encode().startswith(content[: len(mark)]) for mark in (MARK, _EARLIER_MARK))


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _totals(views: Sequence[view.RunView]) -> dict[str, int]:
    """The number of tests that each filter shows in all runs, the worst first. An error is a failure."""
    totals: dict[str, int] = {}
    for outcome, number in ((outcome, number) for each in views for outcome, number in each.counts.items()):
        name = "failed" if outcome == "error" else outcome
        totals[name] = totals.get(name, 0) + number
    return {name: totals[name] for name in view.OUTCOMES if name in totals}


def _lines(text: str) -> Iterator[tuple[str, str]]:
    """The lines of a failure, each with its class: the error, the line that raised it, or source."""
    for line in text.splitlines():
        kind = {"E": "error", ">": "raised"}.get(line[:1], "")
        yield kind, line
