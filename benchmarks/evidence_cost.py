"""Measure what the evidence costs a test that passes: what is recorded in case it fails."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.figure import Figure, pytest_argv, seconds_of

_TESTS: Final = 60
_TIMED: Final = """
import json
import time

import pytest

from pytest_plexdev.api.exchanges import ExchangeLog
from pytest_plexdev.session import item_checks, masked_report
from pytest_plexdev.session.run import Run

spent, tests = [0.0], []

def timed(owner, name):
    function = getattr(owner, name)

    def wrapper(*arguments, **named):
        # Processor time of this thread: the API runs beside it.
        began = time.thread_time()
        try:
            return function(*arguments, **named)
        finally:
            spent[0] += time.thread_time() - began

    setattr(owner, name, wrapper)

# The start of the test and of its phases, its requests, its report, and the folder of an earlier failure.
for owner, name in (
    (Run, "moment"), (item_checks, "end_phase"), (ExchangeLog, "record"), (masked_report, "mask_report"),
    (Run, "remove_evidence"),
):
    timed(owner, name)

@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    spent[0], began = 0.0, time.perf_counter()
    try:
        return (yield)
    finally:
        tests.append((spent[0], time.perf_counter() - began))

def pytest_sessionfinish():
    with open("seconds.json", "w") as file:
        json.dump(tests, file)
"""
_TEST: Final = f"""
import pytest

@pytest.mark.parametrize("number", range({_TESTS}))
def test_node(plexdev_node, number):
    plexdev_node.heartbeat()
    assert plexdev_node.reachability() == "healthy"
    print("a line of captured output")
"""


def run() -> Sequence[Figure]:
    """Time the parts of the evidence in tests that enrol a Node of their own, which takes ten requests."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "conftest.py").write_text(_TIMED, encoding="utf-8")
        (directory / "test_node.py").write_text(_TEST, encoding="utf-8")
        (directory / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        seconds_of(pytest_argv(), cwd=directory)
        # The first test also starts the stack.
        _, *tests = json.loads((directory / "seconds.json").read_text(encoding="utf-8"))
    whole = sorted(took for _, took in tests)[len(tests) // 2]
    return [
        Figure(
            what="evidence of a green test with ten requests",
            samples=[1000 * spent for spent, _ in tests],
            unit="ms",
            promise=1,
            reference=f"{1000 * whole:.0f} ms, the whole test",
        )
    ]
