"""The notations of CI jobs' logs, and that no text is read as a command of the runner."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pytest_plexdev.core.ci_log import Annotation, GitHubLog, GitLabLog, find_ci_log
from tests.support.workflow_commands import commands_of

HOSTILE = "::error::forged\n  ::set-output name=a::b\r::add-mask::x\n##[error]forged\n::endgroup::\n::0::\n"


def test_a_group_of_github_stops_commands_within() -> None:
    log = GitHubLog()
    fold = log.fold("100% of\n::error::a test")
    lines = f"{fold.begin}\n{log.within(HOSTILE)}\n{fold.end}"

    assert [*commands_of(lines)] == ["::group::100%25 of ::error::a test", "::endgroup::"]
    assert HOSTILE in lines


def test_lines_without_a_group_are_inert() -> None:
    assert [*commands_of(HOSTILE)] != []
    assert [*commands_of(GitHubLog().inert(HOSTILE))] == []
    assert GitHubLog().inert("a::b\n::c") == "a::b\n| ::c"


def test_an_annotation_is_one_command() -> None:
    annotation = Annotation(title="a: b, 100%\nc", text=f"50%\n{HOSTILE}", file=Path("/w/tests/t,1.py"), line=7)
    (command,) = GitHubLog(Path("/w")).annotation(annotation).splitlines()

    assert command.startswith(
        "::error file=tests/t%2C1.py,line=7,title=a%3A b%2C 100%25 c::50%25%0A::error::forged%0A  ::set-output"
    )
    assert "\r" not in command


def test_the_file_of_another_directory_stays_absolute() -> None:
    annotation = Annotation(title="t", text="x", file=Path("/elsewhere/t.py"))

    assert GitHubLog(Path("/w")).annotation(annotation) == "::error file=/elsewhere/t.py,title=t::x"


def test_a_section_of_gitlab() -> None:
    log = GitLabLog(clock=lambda: 1234.5, new_token=lambda: "ab12")
    fold = log.fold("evidence of\ra test")

    assert fold.begin == "\x1b[0Ksection_start:1234:plexdev_ab12[collapsed=true]\r\x1b[0Kevidence of a test"
    assert fold.end == "\x1b[0Ksection_end:1234:plexdev_ab12\r\x1b[0K"
    assert re.search(r"section_end:\d+:\w+\r", log.within(f"a\n{fold.end}\n")) is None


@pytest.mark.parametrize(
    ("environment", "kind"),
    [
        ({}, type(None)),
        ({"GITHUB_ACTIONS": "false", "GITLAB_CI": ""}, type(None)),
        ({"GITHUB_ACTIONS": "true"}, GitHubLog),
        ({"GITLAB_CI": "true"}, GitLabLog),
    ],
)
def test_the_job_is_found(environment: dict[str, str], kind: type) -> None:
    assert type(find_ci_log(environment)) is kind
