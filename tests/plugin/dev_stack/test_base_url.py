"""``base_url`` of pytest-base-url on a running stack."""

from __future__ import annotations

import importlib.util

import pytest

from pytest_plexdev.core.model import StackInfo

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("pytest_base_url") is None, reason="no pytest-base-url is installed"
)

IS_THE_STACK = """
def test_it(base_url, plexdev_stack):
    assert base_url == plexdev_stack.api_url
"""
PRINTS = """
def test_it(base_url):
    print("the base URL is", base_url)
"""


def test_it_is_the_stack_s(project: pytest.Pytester, stack: StackInfo) -> None:
    project.makepyfile(test_url=IS_THE_STACK)

    project.runpytest_subprocess("--dev-stack", "test_url.py").assert_outcomes(passed=1)
    project.runpytest_subprocess("--dev-stack", "--verify-base-url", "test_url.py").assert_outcomes(passed=1)
    project.runpytest_subprocess("--dev-stack", "-n", "2", "test_url.py").assert_outcomes(passed=1)


@pytest.mark.parametrize("arguments", [("--base-url", "http://localhost:1"), ("-o", "base_url=http://localhost:1")])
def test_a_url_of_the_user_comes_first(project: pytest.Pytester, arguments: tuple[str, str]) -> None:
    project.makepyfile(test_url=PRINTS)
    result = project.runpytest_subprocess("--dev-stack", "-s", *arguments, "test_url.py")

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*the base URL is http://localhost:1*"])
