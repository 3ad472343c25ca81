"""Measure how long a test waits for a stack of its own."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.figure import Figure, pytest_argv, seconds_of

_TESTS: Final = 8
_TIMED: Final = """
import json, time
import pytest

seconds = []

@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef, request):
    began = time.perf_counter()
    try:
        return (yield)
    finally:
        if fixturedef.argname == "plexdev_own_stack":
            seconds.append(time.perf_counter() - began)

def pytest_sessionfinish():
    with open("seconds.json", "w") as file:
        json.dump(seconds, file)
"""
_TEST: Final = f"""
import pytest

@pytest.mark.parametrize("number", range({_TESTS}))
def test_stack(plexdev_own_stack, number):
    assert plexdev_own_stack.anonymous.meta.version()
"""


def run() -> Sequence[Figure]:
    """Time the set-up of ``plexdev_own_stack`` in one pytest process: the first, which imports, and the others."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "conftest.py").write_text(_TIMED, encoding="utf-8")
        (directory / "test_stack.py").write_text(_TEST, encoding="utf-8")
        (directory / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        seconds_of(pytest_argv("-k", "test_stack[0]"), cwd=directory)  # the template may have to be built
        seconds_of(pytest_argv(), cwd=directory)
        first, *others = json.loads((directory / "seconds.json").read_text(encoding="utf-8"))
    return [
        Figure(what="own stack, the first of a process", samples=[first], unit="s", promise=1.5, reference="—"),
        Figure(what="own stack, each further one", samples=others, unit="s", promise=0.7, reference="—"),
    ]
