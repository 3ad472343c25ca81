"""``--plexdev-report``, and ``plexdev report`` for the events that runs have left."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.support.fake_stack import CONFTEST

HOSTILE = 'import pytest\n\n@pytest.mark.parametrize("p", ["</script><b>"])\ndef test_p(p):\n    assert not p, p\n'


@pytest.fixture
def project(project: pytest.Pytester) -> pytest.Pytester:
    project.makeconftest(CONFTEST)
    project.makepyfile(test_hostile=HOSTILE)
    return project


def plexdev(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest_plexdev.cli.main", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("workers", [[], ["-n", "2"]])
def test_the_option_writes_the_page(project: pytest.Pytester, workers: list[str]) -> None:
    result = project.runpytest_subprocess("--plexdev-report=report.html", *workers)

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["  report: report.html"])
    page = (project.path / "report.html").read_text()
    assert "1 of 2 tests failed" in page
    assert "test_hostile.py::test_p[&lt;/script&gt;&lt;b&gt;]" in page
    assert page.count("</script>") == 1
    assert "a line of the log, token psk_***" in page


def test_a_variable_and_an_ini_file_name_it_too(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    project.makeini("[pytest]\nplexdev_report = from-ini.html\n")
    project.runpytest_subprocess()
    monkeypatch.setenv("PLEXDEV_REPORT", "from-variable.html")
    project.runpytest_subprocess()

    assert {path.name for path in project.path.glob("*.html")} == {"from-ini.html", "from-variable.html"}


def test_a_failed_run_says_how_to_get_one(project: pytest.Pytester) -> None:
    result = project.runpytest_subprocess()

    result.stdout.fnmatch_lines(["  report: plexdev report .plexdev/events.jsonl"])
    assert plexdev("report", ".plexdev/events.jsonl").stdout == "report.html\n"
    assert "1 of 2 tests failed" in (project.path / "report.html").read_text()


def test_a_run_without_a_stack_has_its_page(project: pytest.Pytester) -> None:
    (project.path / "conftest.py").unlink()
    result = project.runpytest_subprocess("--plexdev-report=report.html", "-k", "plain")

    result.stdout.fnmatch_lines(["plexdev: report: report.html"])
    assert "none: no test requested one" in (project.path / "report.html").read_text()


def test_the_command_merges_runs(project: pytest.Pytester) -> None:
    project.runpytest_subprocess()
    (project.path / ".plexdev" / "events.jsonl").rename(project.path / "red.jsonl")
    project.runpytest_subprocess("-k", "plain")
    done = plexdev("report", "red.jsonl", ".plexdev/events.jsonl", "-o", "both.html", "--json")

    assert json.loads(done.stdout)["result"] == {"file": "both.html", "runs": 2}
    assert "1 of 2 runs failed" in (project.path / "both.html").read_text()


def test_the_command_without_events_says_who_writes_them(project: pytest.Pytester) -> None:
    done = plexdev("report")

    assert done.returncode == 1
    assert done.stderr.startswith(
        "plexdev[events-unreadable]: .plexdev/events.jsonl cannot be read as the events of a run: No such file"
    )
    assert "  fix: name such a file: plexdev report .plexdev/events.jsonl" in done.stderr


def test_the_command_replaces_no_other_page(project: pytest.Pytester) -> None:
    project.runpytest_subprocess()
    (project.path / "report.html").write_text("<html>mine</html>")
    done = plexdev("report")

    assert done.returncode == 1
    assert done.stderr.startswith(
        "plexdev[report-unwritable]: the report is not written to report.html: the existing file is not a report"
    )
    assert (project.path / "report.html").read_text() == "<html>mine</html>"
