"""The file of the timeline, and the reasons not to write it."""

from __future__ import annotations

from pathlib import Path

from pytest_plexdev.core.model import Endpoints, StackInfo
from pytest_plexdev.session.timeline import write_timeline

INFO = StackInfo(
    provider="embedded",
    id="x",
    directory=Path("x"),
    endpoints=Endpoints(api="http://localhost:1", issuer="http://localhost:2"),
    started_at=0.0,
    services=(),
)


def test_a_directory_for_reports_may_be_new(tmp_path: Path) -> None:
    page = tmp_path / "reports" / "timeline.html"

    assert write_timeline(page, INFO) == str(page)
    assert page.read_text().startswith("<!doctype html>")


def test_a_path_that_is_not_there_is_told_and_not_made(tmp_path: Path) -> None:
    page = tmp_path / "nope" / "dir" / "x.html"

    assert write_timeline(page, INFO) == f"not written to {page}: No such file or directory"
    assert list(tmp_path.iterdir()) == []


def test_an_older_report_is_replaced_and_no_other_file(tmp_path: Path) -> None:
    page = tmp_path / "index.html"
    write_timeline(page, INFO)
    first = page.read_text()
    assert write_timeline(page, INFO) == str(page)

    page.write_text(first.replace("plexdev", "our project"))
    assert "not a report of plexdev" in write_timeline(page, INFO)
    assert "our project" in page.read_text()
