"""``--dev-stack`` from the fixture's request: to the stack, and to the error where there is none."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from benchmarks.figure import ROOT, Figure, pytest_argv, seconds_of

_RUNS: Final = 7
_TIMED: Final = """
import json, time
import pytest

@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef, request):
    began = time.perf_counter()
    try:
        return (yield)
    finally:
        if fixturedef.argname == "plexdev_stack":
            with open("seconds.json", "w") as file:
                json.dump(time.perf_counter() - began, file)
"""
_TEST: Final = """
def test_stack(plexdev_stack):
    pass
"""


def run() -> Sequence[Figure]:
    """Time the set-up of ``plexdev_stack`` inside whole pytest processes."""
    with tempfile.TemporaryDirectory() as name, tempfile.TemporaryDirectory() as state:
        directory = Path(name)
        (directory / "conftest.py").write_text(_TIMED)
        (directory / "test_stack.py").write_text(_TEST)
        (directory / "pytest.ini").write_text("[pytest]\n")
        environment = {"PLEXDEV_STATE_DIR": state}
        missing = [_setup(directory, environment, expect_failure=True) for _ in range(_RUNS)]
        plexdev = str(Path(sys.executable).with_name("plexdev"))
        seconds_of([plexdev, "up"], cwd=ROOT, environment=environment)
        try:
            attach = [_setup(directory, environment, expect_failure=False) for _ in range(_RUNS)]
        finally:
            seconds_of([plexdev, "down"], cwd=ROOT, environment=environment)
    return [
        Figure(what="--dev-stack, attach", samples=attach, unit="ms", promise=300, reference="—"),
        Figure(what="--dev-stack, none there", samples=missing, unit="ms", promise=100, reference="—"),
    ]


def _setup(directory: Path, environment: Mapping[str, str], *, expect_failure: bool) -> float:
    argv = pytest_argv("--dev-stack")
    if expect_failure:
        argv = ["sh", "-c", 'if "$@"; then exit 1; fi', "sh", *argv]
    seconds_of(argv, cwd=directory, environment=environment)
    seconds: float = json.loads((directory / "seconds.json").read_text())
    return 1000 * seconds
