"""``plexdev report``: render the events of one or more test runs as an HTML page."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, Final

from pytest_plexdev.cli.output import add_json, report_result

_EVENTS: Final = Path(".plexdev/events.jsonl")
_PAGE: Final = Path("report.html")


def add_report_command(commands: Any) -> None:
    """Add the command, which sets ``run``.

    Args:
        commands: The result of ``ArgumentParser.add_subparsers``.
    """
    parser = commands.add_parser("report", help="render the events of test runs as one HTML page")
    parser.add_argument(
        "events",
        nargs="*",
        type=Path,
        metavar="EVENTS",
        help=f"events.jsonl of a run; several are merged; default: {_EVENTS}",
    )
    parser.add_argument(
        "-o",
        "--output-file",
        type=Path,
        default=_PAGE,
        metavar="FILE",
        help="the page; an existing file is replaced only if it is a report; default: %(default)s",
    )
    add_json(parser)
    parser.set_defaults(run=_report)


def _report(options: argparse.Namespace) -> int:
    from pytest_plexdev.errors import PlexdevError
    from pytest_plexdev.errors.tests import REPORT_UNWRITABLE
    from pytest_plexdev.report.event_file import read_runs
    from pytest_plexdev.report.page_file import write_page

    runs = [run for file in options.events or [_EVENTS] for run in read_runs(file)]
    page: Path = options.output_file
    if reason := write_page(page, runs):
        raise PlexdevError(REPORT_UNWRITABLE, path=page, reason=reason)
    report_result(options, {"file": str(page), "runs": len(runs)}, lambda: str(page))
    return 0
