"""Measure ``--dev-stack`` from the request of the fixture to the stack, or to the "no stack" error."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from benchmarks.figure import ROOT, Figure, plexdev_argv, pytest_argv, require_warm_ports, seconds_of

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
    """Time the set-up of ``plexdev_stack`` inside whole pytest processes.

    Raises:
        LeftOut: Another stack uses the ports.
    """
    require_warm_ports()
    with tempfile.TemporaryDirectory() as name, tempfile.TemporaryDirectory() as state:
        project = make_project(Path(name))
        environment = {"PLEXDEV_STATE_DIR": state}
        missing = [_attach(project, environment, expect_failure=True) for _ in range(_RUNS)]
        seconds_of(plexdev_argv("up"), cwd=ROOT, environment=environment)
        try:
            attach = [_attach(project, environment, expect_failure=False) for _ in range(_RUNS)]
        finally:
            seconds_of(plexdev_argv("down", "--stack", "embedded"), cwd=ROOT, environment=environment)
    return [
        Figure(what="--dev-stack, attach", samples=attach, unit="ms", promise=300, reference="—"),
        Figure(what="--dev-stack, none there", samples=missing, unit="ms", promise=100, reference="—"),
    ]


def make_project(directory: Path) -> Path:
    """Write a project with one test that requests the stack and records the seconds of its set-up."""
    (directory / "conftest.py").write_text(_TIMED, encoding="utf-8")
    (directory / "test_stack.py").write_text(_TEST, encoding="utf-8")
    (directory / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    return directory


def setup_seconds(
    project: Path, *options: str, environment: Mapping[str, str] | None = None, expect_failure: bool = False
) -> float:
    """Run the project of :func:`make_project` and return the seconds that its test waited for the stack."""
    argv = pytest_argv(*options)
    if expect_failure:
        argv = ["sh", "-c", 'if "$@"; then exit 1; fi', "sh", *argv]
    seconds_of(argv, cwd=project, environment=environment)
    seconds: float = json.loads((project / "seconds.json").read_text(encoding="utf-8"))
    return seconds


def _attach(project: Path, environment: Mapping[str, str], *, expect_failure: bool) -> float:
    options = ("--dev-stack", "--plexdev-stack=embedded")
    return 1000 * setup_seconds(project, *options, environment=environment, expect_failure=expect_failure)
