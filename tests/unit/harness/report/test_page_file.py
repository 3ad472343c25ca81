"""The file of the report, and the reasons not to write it."""

from __future__ import annotations

from pathlib import Path

from pytest_plexdev.report.page_file import write_page
from tests.support.run_events import whole_run

TIMELINE = "<!doctype html><meta charset=utf-8><title>plexdev: embedded stack x</title>"
"""The beginning of what version 0.1 wrote."""


def test_a_directory_for_reports_may_be_new(tmp_path: Path) -> None:
    page = tmp_path / "reports" / "report.html"

    assert write_page(page, [whole_run()]) == ""
    assert page.read_text().startswith("<!doctype html>")


def test_a_path_that_is_not_there_is_told_and_not_made(tmp_path: Path) -> None:
    page = tmp_path / "nope" / "dir" / "x.html"

    assert write_page(page, [whole_run()]) == "No such file or directory"
    assert list(tmp_path.iterdir()) == []


def test_an_older_report_is_replaced_and_no_other_file(tmp_path: Path) -> None:
    page = tmp_path / "index.html"
    for earlier in ("", TIMELINE):
        page.write_text(earlier)
        assert write_page(page, [whole_run()]) == ""
    first = page.read_text()
    assert write_page(page, [whole_run()]) == ""

    page.write_text(first.replace("plexdev", "our project"))
    assert write_page(page, [whole_run()]) == "the existing file is not a report of plexdev"
    assert "our project" in page.read_text()
