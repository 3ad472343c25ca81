"""A project whose run records how long the set-up of one fixture takes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from benchmarks.figure import pytest_argv, seconds_of

_SECONDS: Final = "seconds.json"
_TIMED: Final = f"""
import json, time
import pytest

seconds = []

@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef, request):
    began = time.perf_counter()
    try:
        return (yield)
    finally:
        if fixturedef.argname == request.config.getini("timed"):
            seconds.append(time.perf_counter() - began)

def pytest_addoption(parser):
    parser.addini("timed", "the fixture")

def pytest_sessionfinish():
    with open("{_SECONDS}", "w") as file:
        json.dump(seconds, file)
"""
_TEST: Final = """
def test_stack(plexdev_stack):
    pass
"""


def make_project(directory: Path, *, fixture: str = "plexdev_stack", tests: str = _TEST) -> Path:
    """Write a project whose tests request *fixture*; by default one test that requests the stack."""
    (directory / "conftest.py").write_text(_TIMED, encoding="utf-8")
    (directory / "test_stack.py").write_text(tests, encoding="utf-8")
    (directory / "pytest.ini").write_text(f"[pytest]\ntimed = {fixture}\n", encoding="utf-8")
    return directory


def setup_seconds(
    project: Path, *options: str, environment: Mapping[str, str] | None = None, expect_failure: bool = False
) -> Sequence[float]:
    """Run the project of :func:`make_project` and return the seconds of each set-up of its fixture."""
    argv = pytest_argv(*options)
    if expect_failure:
        argv = ["sh", "-c", 'if "$@"; then exit 1; fi', "sh", *argv]
    seconds_of(argv, cwd=project, environment=environment)
    seconds: list[float] = json.loads((project / _SECONDS).read_text(encoding="utf-8"))
    return seconds
