"""Measure ``--dev-stack`` from the request of the fixture to the stack, or to the "no stack" error."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from benchmarks.figure import ROOT, Figure, plexdev_argv, require_warm_ports, seconds_of
from benchmarks.timed_project import make_project, setup_seconds

_RUNS: Final = 7


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


def _attach(project: Path, environment: Mapping[str, str], *, expect_failure: bool) -> float:
    options = ("--dev-stack", "--plexdev-stack=embedded")
    (seconds,) = setup_seconds(project, *options, environment=environment, expect_failure=expect_failure)
    return 1000 * seconds
