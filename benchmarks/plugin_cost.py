"""Measure what the plugin adds to the start of a pytest run that does not use it."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.figure import Figure, cpu_seconds_of, pytest_argv

_PAIRS: Final = 21


def run() -> Sequence[Figure]:
    """Collect 200 tests with and without the plugin, alternating, and take the difference of each pair.

    Processor time is measured: on a shared machine the wall-clock times of a pair differ by more than the result.
    """
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "test_nothing.py").write_text(
            "import pytest\n\n@pytest.mark.parametrize('n', range(200))\ndef test_nothing(n):\n    pass\n",
            encoding="utf-8",
        )
        (directory / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        differences = [_pair(directory) for _ in range(_PAIRS + 1)][1:]
    return [
        Figure(
            what="plugin installed, unused",
            samples=[1000 * difference for difference in differences],
            unit="ms",
            promise=15,
            reference="pytest-kind +84 ms, pytest-helm-charts +110 ms",
        )
    ]


def _pair(directory: Path) -> float:
    without = cpu_seconds_of(pytest_argv("--collect-only", "-p", "no:plexdev"), cwd=directory)
    with_plugin = cpu_seconds_of(pytest_argv("--collect-only"), cwd=directory)
    return with_plugin - without
