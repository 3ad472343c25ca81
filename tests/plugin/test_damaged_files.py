"""Damaged files of a run do not change the tests' outcomes: no traceback, no hang, no leftovers."""

from __future__ import annotations

from pathlib import Path

import pytest

_DAMAGING = """
import sys

sys.path.insert(0, {root!r})
from pytest_plexdev.session import run
from tests.support.damage import DAMAGES

RUN = {{}}

def pytest_sessionstart(session):
    RUN["directory"] = run.get_run(session.config).directory
    run.get_run(session.config).hold()
    for name in {names!r}:
        DAMAGES[{damage!r}](RUN["directory"] / name)
"""
_ROOT = Path(__file__).parents[2]
_READ_AT_THE_END = (
    *("lease.json", "failure.json", "ran.json", "drift.txt", "passed-over.txt"),
    *("reported-failure.json", "logins"),
)


@pytest.mark.parametrize("damage", ["half", "huge", "deep", "fifo", "directory", "link"])
def test_a_run_with_damaged_files_keeps_its_outcomes(project: pytest.Pytester, temporary: Path, damage: str) -> None:
    project.makeconftest(_DAMAGING.format(root=str(_ROOT), names=_READ_AT_THE_END, damage=damage))
    result = project.runpytest_subprocess("--junitxml=junit.xml", "--plexdev-report=report.html", timeout=30)

    result.assert_outcomes(passed=1)
    output = result.stdout.str() + result.stderr.str()
    assert "Traceback" not in output
    assert "INTERNALERROR" not in output
    assert ("the summary of plexdev is missing: PlexdevError: plexdev[" in output) == (
        damage not in ("fifo", "directory")
    )
    assert list(temporary.glob("plexdev-*")) == []
