"""What a run reports to its CI job: folded evidence, annotations, and the summary of the step."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.fake_stack import CONFTEST
from tests.support.never_costs import run
from tests.support.workflow_commands import commands_of

FAILS = """
import pytest
from pytest_plexdev import PlexdevError
from pytest_plexdev.errors import UNKNOWN_NAME
from pytest_plexdev.session.run import get_run

def unknown(name):
    return PlexdevError(UNKNOWN_NAME, place="the stack", kind="Domain", name=name, known="acme", fix="type acme")

@pytest.fixture
def broken():
    raise ValueError("in set-up")

@pytest.fixture
def misspelt():
    raise unknown("acme-crop")

def test_call(request):
    get_run(request.config).running.log_file.write_text("::error::forged\\n##[error]forged\\n::endgroup::\\n")
    raise unknown("x\\n::set-env name=a::b\\ntoken psk_dev_aaaa_bbbb")

def test_setup(misspelt):
    pass

def test_of_another_kind(broken):
    pass

def test_passes():
    pass
"""


@pytest.fixture
def summary(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The summary of a step of GitHub Actions that runs the project's tests."""
    summary = project.path / "summary.md"
    summary.write_text("of an earlier step of the job\n")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(project.path))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    project.makeconftest(CONFTEST)
    project.makepyfile(test_fails=FAILS)
    return summary


@pytest.mark.parametrize("workers", [[], ["-n", "1"]])
def test_groups_and_annotations_are_all_commands(project: pytest.Pytester, summary: Path, workers: list[str]) -> None:
    result = run(project, *workers)

    result.assert_outcomes(passed=2, failed=1, errors=2)
    commands = [*commands_of(result.stdout.str())]
    groups = [command for command in commands if "group" in command]
    assert "::group::plexdev logs of test_fails.py::test_call" in groups
    assert groups[1::2] == ["::endgroup::"] * (len(groups) // 2)
    annotations = [command for command in commands if "group" not in command]
    assert [re.sub("::.*", "", each[2:]) for each in annotations] == [
        f"error file=test_fails.py,line={line},title=plexdev[unknown-name]" for line in (19, 21)
    ]
    assert "%0A::set-env name=a" in annotations[0]
    assert annotations[0].endswith("%0Atest: test_fails.py::test_call")
    assert "aaaa_bbbb" not in result.stdout.str()


def test_another_annotator_keeps_the_tests(project: pytest.Pytester, summary: Path) -> None:
    project.syspathinsert()
    # A module of the plugin's name: the plugin itself would annotate this project's own runs too.
    project.makepyfile(pytest_github_actions_annotate_failures="")
    result = run(project, "-p", "pytest_github_actions_annotate_failures")

    (annotation,) = [each for each in commands_of(result.stdout.str()) if each.startswith("::error")]
    assert annotation.endswith("test: test_fails.py::test_setup")


@pytest.mark.parametrize("workers", [[], ["-n", "1"]])
def test_the_summary_of_the_step(project: pytest.Pytester, summary: Path, workers: list[str]) -> None:
    run(project, *workers)

    text = summary.read_text()
    assert text.startswith("of an earlier step of the job\n### plexdev: failed\n\n1 failed, 2 errors, 2 passed\n")
    assert "aaaa_bbbb" not in text
    failures = text.partition("#### Failures\n")[2]
    assert re.findall(r"^\*\*(.*)$", failures, re.MULTILINE) == [
        "`test_fails.py::test_call`**",
        "`test_fails.py::test_setup`** (setup)",
        "`test_fails.py::test_of_another_kind`** (setup)",
    ]
    assert "```text\nplexdev[unknown-name]: " in failures
    assert "\nfix: " in failures
    assert "```text\nValueError: in set-up\n```" in failures
    assert "Evidence: `.plexdev/test_fails.py-test_call" in failures


def test_a_summary_that_cannot_be_written(project: pytest.Pytester, summary: Path) -> None:
    summary.unlink()
    summary.mkdir()
    result = run(project)

    result.assert_outcomes(passed=2, failed=1, errors=2)
    assert "plexdev: warning: the summary of the job is missing: IsADirectoryError" in result.stderr.str()


def test_a_run_without_a_stack_adds_nothing(project: pytest.Pytester, summary: Path) -> None:
    project.makeconftest("")
    project.makepyfile(test_fails="def test_fails():\n    assert 1 == 2")
    result = run(project)

    assert [*commands_of(result.stdout.str())] == []
    assert summary.read_text() == "of an earlier step of the job\n"


def test_sections_of_gitlab(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITLAB_CI", "true")
    project.makeconftest(CONFTEST)
    project.makepyfile(test_fails="def test_fails():\n    assert False")
    result = run(project)

    output = result.stdout.str()  # in which each carriage return has become a newline
    begin = r"\x1b\[0Ksection_start:\d+:(\w+)\[collapsed=true]\n\x1b\[0Kplexdev \w+ of test_fails"
    assert re.findall(r"\x1b\[0Ksection_end:\d+:(\w+)\n\x1b\[0K", output) == re.findall(begin, output) != []
