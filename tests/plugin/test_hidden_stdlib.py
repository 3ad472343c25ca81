from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def tests(project: pytest.Pytester) -> Path:
    """A directory that pytest inserts at the beginning of ``sys.path``."""
    return project.mkdir("tests")


def test_a_module_that_hides_the_standard_library_is_named(project: pytest.Pytester, tests: Path) -> None:
    (tests / "http.py").touch()
    (tests / "test_stack.py").write_text("def test_stack(plexdev_stack):\n    pass\n")
    result = project.runpytest_subprocess("--dev-stack", "tests")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            f"plexdev[[]stdlib-hidden[]]: {tests / 'http.py'} hides Python's own module http",
            "  why: the directory of a test is first on sys.path, *",
            "  fix: rename it; or run pytest with --import-mode=importlib",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*pytest_plexdev/*.py:*")


def test_the_fix_of_a_hidden_module_works(project: pytest.Pytester, tests: Path) -> None:
    (tests / "http.py").touch()
    (tests / "test_stack.py").write_text("def test_stack(plexdev_stack):\n    pass\n")
    result = project.runpytest_subprocess("--dev-stack", "--import-mode=importlib", "tests")

    result.stdout.fnmatch_lines(["plexdev[[]stack-missing[]]: *"])


def test_an_error_of_the_test_itself_keeps_its_traceback(project: pytest.Pytester, tests: Path) -> None:
    (tests / "secrets.py").touch()
    (tests / "test_own.py").write_text("import secrets\n\ndef test_own():\n    secrets.missing\n")
    result = project.runpytest_subprocess("tests")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E *AttributeError: module 'secrets' has no attribute 'missing'*"])
    result.stdout.no_fnmatch_line("*stdlib-hidden*")
