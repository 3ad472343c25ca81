"""Measure the golden flow as whole processes: first run, template cached, warm stack; and `plexdev down`."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from typing import Final

from benchmarks.figure import ROOT, Figure, plexdev_argv, pytest_argv, require_warm_ports, seconds_of

_RUNS: Final = 7
_RUNBOOK: Final = "3 min cold, 40 s warm (runbook, chainsaw)"


def run() -> Sequence[Figure]:
    """Time ``pytest -m golden`` in these three forms.

    Raises:
        LeftOut: Another stack uses the ports of the warm one.
    """
    require_warm_ports()
    golden = pytest_argv("-m", "golden")
    first = []
    for _ in range(3):
        with tempfile.TemporaryDirectory() as cache:
            first.append(seconds_of(golden, cwd=ROOT, environment={"PLEXDEV_CACHE_DIR": cache}))
    cached = [seconds_of(golden, cwd=ROOT) for _ in range(_RUNS)]
    with tempfile.TemporaryDirectory() as state:
        environment = {"PLEXDEV_STATE_DIR": state}
        warm, stop = _on_warm_stack(golden, environment)
    return [
        Figure(what="golden, first run ever", samples=first, unit="s", promise=5, reference=_RUNBOOK),
        Figure(what="golden, template cached", samples=cached, unit="s", promise=3, reference=_RUNBOOK),
        Figure(what="golden, --dev-stack", samples=warm, unit="s", promise=1.5, reference=_RUNBOOK),
        Figure(what="plexdev down (whole process)", samples=stop, unit="s", promise=0.5, reference="—"),
    ]


def _on_warm_stack(golden: Sequence[str], environment: Mapping[str, str]) -> tuple[list[float], list[float]]:
    warm: list[float] = []
    stop = []
    for _ in range(3):
        seconds_of(plexdev_argv("up"), cwd=ROOT, environment=environment)
        try:
            on_it = [*golden, "--dev-stack", "--plexdev-stack=embedded"]
            warm += [seconds_of(on_it, cwd=ROOT, environment=environment) for _ in range(3)]
        finally:
            began = time.perf_counter()
            seconds_of(plexdev_argv("down", "--stack", "embedded"), cwd=ROOT, environment=environment)
            stop.append(time.perf_counter() - began)
    return warm, stop
