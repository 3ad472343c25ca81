"""A measured figure and the processes it is measured on."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_plexdev.core.port_reservation import reserve
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.stack.embedded import settings

ROOT: Final = Path(__file__).parents[1]


class LeftOut(Exception):
    """Raised by a benchmark that cannot run on this machine; the message says what is missing."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One row of the table: the samples, the promise and the reference.

    ``at_least``: the promise is a minimum, more is better.
    """

    what: str
    samples: Sequence[float]
    unit: str
    promise: float
    reference: str
    at_least: bool = False

    @property
    def median(self) -> float:
        return statistics.median(self.samples)

    @property
    def kept(self) -> bool:
        return self.median >= self.promise if self.at_least else self.median <= self.promise


def print_table(figures: Sequence[Figure]) -> None:
    """Print median, spread, promise and reference of each figure."""
    from rich.console import Console
    from rich.table import Table

    table = Table("what", "median", "min…max", "promise", "reference", "kept")
    for each in figures:
        bound = "≥" if each.at_least else "≤"
        table.add_row(
            each.what,
            f"{each.median:,.4g} {each.unit}",
            f"{min(each.samples):,.4g}…{max(each.samples):,.4g} (n={len(each.samples)})",
            f"{bound} {each.promise:,.4g} {each.unit}",
            each.reference,
            "yes" if each.kept else "NO",
        )
    Console(width=max(Console().width, 150)).print(table)


def require_warm_ports() -> None:
    """Raise :class:`LeftOut` if another stack uses the ports of ``plexdev up``.

    A second stack would falsify the figures on other ports too.
    """
    for port, purpose in ((settings.API_PORT, "the API"), (settings.IDP_PORT, "the identity provider")):
        try:
            reserve(port, purpose=purpose).release()
        except PlexdevError as error:
            taken, *_ = str(error).splitlines()
            raise LeftOut(f"{taken}; beside another stack the figures would be others: {error.facts['stop']}") from None


def plexdev_argv(*arguments: str) -> list[str]:
    return [str(Path(sys.executable).with_name("plexdev")), *arguments]


def seconds_of(argv: Sequence[str], *, cwd: Path, environment: Mapping[str, str] | None = None) -> float:
    """Run a whole process, which must succeed, and return its wall time in seconds."""
    return timed(argv, cwd=cwd, environment=environment)[0]


def timed(argv: Sequence[str], *, cwd: Path, environment: Mapping[str, str] | None = None) -> tuple[float, str]:
    """Run a whole process, which must succeed, and return its wall time in seconds and its stdout."""
    # Unset so that bytecode is cached: otherwise pytest would rewrite all our modules at every start.
    usual = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    began = time.perf_counter()
    done = subprocess.run(
        argv, cwd=cwd, env={**usual, **(environment or {})}, capture_output=True, encoding="utf-8", check=False
    )
    elapsed = time.perf_counter() - began
    if done.returncode != 0:
        print(done.stdout, done.stderr, file=sys.stderr)
        raise SystemExit(f"{' '.join(argv)} ended with {done.returncode}")
    return elapsed, done.stdout


def cpu_seconds_of(argv: Sequence[str], *, cwd: Path) -> float:
    """Run a process, which must succeed, and return its processor time (user and system) in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds_of(argv, cwd=cwd)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def pytest_argv(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
