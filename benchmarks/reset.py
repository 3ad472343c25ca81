"""Measure ``plexdev reset``: the whole command on a warm embedded stack, and on the warm cluster if it is there."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from benchmarks.figure import ROOT, Figure, plexdev_argv, require_warm_ports, seconds_of
from pytest_plexdev.stack.kind.warm import attach

_RUNS: Final = 7


def run() -> Sequence[Figure]:
    """Time whole commands, one after another.

    Raises:
        LeftOut: Another stack uses the ports, and it is not the warm cluster.
    """
    return list(_figures())


def _figures() -> Iterator[Figure]:
    reference = "3 min (runbook: make dev-down && make dev)"
    info = attach.find()
    if info is not None and info.cluster is not None and info.cluster.owned:
        samples = _reset("kind", {})
        yield Figure(what="plexdev reset, kind", samples=samples, unit="s", promise=5, reference=reference)
        return
    require_warm_ports()
    with tempfile.TemporaryDirectory() as state:
        environment = {"PLEXDEV_STATE_DIR": state}
        seconds_of(plexdev_argv("up"), cwd=ROOT, environment=environment)
        try:
            samples = _reset("embedded", environment)
        finally:
            seconds_of(plexdev_argv("down", "--stack", "embedded"), cwd=ROOT, environment=environment)
    yield Figure(what="plexdev reset, embedded", samples=samples, unit="s", promise=1, reference=reference)


def _reset(stack: str, environment: Mapping[str, str]) -> list[float]:
    argv = plexdev_argv("reset", "--stack", stack)
    return [seconds_of(argv, cwd=ROOT, environment=environment) for _ in range(_RUNS)]
