"""Write the report of runs to a file. Only an earlier report is replaced."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pytest_plexdev.report.events import Event


def write_page(path: Path, runs: Sequence[Sequence[Event]]) -> str:
    """Write the page of these runs.

    Returns:
        Why it could not be written; empty if it was.
    """
    # Lazy: a template engine, which most runs do not need.
    from pytest_plexdev.report.page import render

    try:
        # Only the last directory is created: if its parent is missing too, the path is probably a mistake.
        path.parent.mkdir(exist_ok=True)
        if _is_foreign(path):
            return "the existing file is not a report of plexdev"
        path.write_text(render(runs), "utf-8")
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _is_foreign(path: Path) -> bool:
    """Whether *path* is an existing file that does not begin like a report, so it must not be overwritten."""
    from pytest_plexdev.report.page import is_report

    if not path.is_file():
        return False  # it is missing, a pipe, or for example /dev/stdout
    with path.open("rb") as file:
        return not is_report(file.read(200))
