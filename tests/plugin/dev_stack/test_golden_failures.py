"""A golden step that fails: the later ones are skipped with the reason, in all workers."""

from __future__ import annotations

import pytest

from pytest_plexdev.core.model import StackInfo

NO_DOMAIN = """
import pytest
from pytest_plexdev.api.domains import Domains

def create(self, **members):
    raise RuntimeError("the quota of Domains is used up, psk_dev_abcdefgh")

@pytest.fixture(autouse=True)
def break_it(monkeypatch):
    monkeypatch.setattr(Domains, "create", create)
"""
NO_BINDING = """
import pytest

@pytest.hookimpl(trylast=True)
def pytest_runtest_call(item):
    if item.name.startswith("test_5_"):
        raise AssertionError("the binding is inactive")
"""


@pytest.mark.parametrize("workers", [[], ["-n", "2"]])
def test_what_cannot_be_created_is_reported_once(
    project: pytest.Pytester, stack: StackInfo, workers: list[str]
) -> None:
    project.makepyfile(broken=NO_DOMAIN)
    arguments = ("--dev-stack", "-rs", "-p", "broken", "--pyargs", "pytest_plexdev.golden")
    result = project.runpytest_subprocess(*arguments, *workers)

    result.assert_outcomes(passed=2, failed=1, skipped=6)
    result.stdout.fnmatch_lines(["SKIPPED*: RuntimeError: the quota of Domains is used up, psk_[*][*][*]*"])


def test_the_steps_after_a_failed_one_are_skipped(project: pytest.Pytester, stack: StackInfo) -> None:
    project.makepyfile(broken=NO_BINDING)
    result = project.runpytest_subprocess("--dev-stack", "-rs", "-p", "broken", "--pyargs", "pytest_plexdev.golden")

    result.assert_outcomes(passed=4, failed=1, skipped=4)
    result.stdout.fnmatch_lines(["SKIPPED [[]1[]] *: step 5 failed: AssertionError: the binding is inactive"] * 4)
