"""``base_url`` of pytest-base-url, where there is no stack."""

from __future__ import annotations

import importlib.util

import pytest

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("pytest_base_url") is None, reason="no pytest-base-url is installed"
)

PRINTS = """
def test_it(base_url):
    print("the base URL is", base_url)
"""


def test_a_fixture_of_the_user_comes_first(project: pytest.Pytester) -> None:
    project.makepyfile(test_url=PRINTS)
    project.makeconftest("import pytest\n@pytest.fixture(scope='session')\ndef base_url(): return 'http://mine'\n")
    result = project.runpytest_subprocess("--dev-stack", "-s", "test_url.py")

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*the base URL is http://mine*"])


def test_a_url_of_the_user_is_verified_on_request(project: pytest.Pytester) -> None:
    project.makepyfile(test_url="def test_it(): pass")
    project.makeconftest("import pytest\n@pytest.fixture(scope='session')\ndef base_url(): return 'nothing://'\n")
    result = project.runpytest_subprocess("--verify-base-url", "test_url.py")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*pytest_base_url/plugin.py:*"])


def test_a_test_without_it_starts_no_stack(project: pytest.Pytester) -> None:
    # There is no stack to attach to: a test that requests one fails.
    project.runpytest_subprocess("--dev-stack", "test_plain.py").assert_outcomes(passed=1)
    project.makepyfile(test_url=PRINTS)
    result = project.runpytest_subprocess("--dev-stack", "test_url.py")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*plexdev[[]stack-missing[]]*"])


def test_without_the_plugin_there_is_no_fixture(project: pytest.Pytester) -> None:
    project.makepyfile(test_url=PRINTS)
    result = project.runpytest_subprocess("--dev-stack", "-p", "no:base_url", "test_url.py")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*fixture 'base_url' not found*"])
