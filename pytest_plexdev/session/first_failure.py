"""Report a failed bring-up once per run. The first test that needs the stack shows it; later ones name that test."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from pytest_plexdev.errors import PlexdevError

if TYPE_CHECKING:
    from pytest_plexdev.session.run import Run

FILE: Final = "reported-failure.json"
"""Name of the file in the run's directory that records the report."""


@dataclass(frozen=True)
class _Report:
    test: str
    headline: str


_REPORTS: Final[dict[Path, _Report]] = {}
"""The reports of this process by run directory, for a run whose directory cannot be created."""


@contextlib.contextmanager
def report_once(run: Run) -> Iterator[None]:
    """Wrap the bring-up: propagate its first failure, and skip the test if another test has reported it."""
    try:
        yield
    except PlexdevError as error:
        test = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" (")[0]
        _record(run, _Report(test=test, headline=error.headline))
        skip_if_reported(run.directory, test)
        raise


def skip_if_reported(directory: Path, test: str) -> None:
    """Skip *test* if another test of the run has reported a failed bring-up. The same test may report it again."""
    report = _read(directory)
    if report is not None and report.test != test:
        pytest.skip(f"the bring-up of the stack failed, see {report.test}: {report.headline}")


def _read(directory: Path) -> _Report | None:
    from pytest_plexdev.core.private_files import read_private
    from pytest_plexdev.core.untrusted_json import decode_file

    with contextlib.suppress(OSError, ValueError, TypeError, RecursionError, PlexdevError):
        return _Report(**decode_file(read_private(directory / FILE)))
    return _REPORTS.get(directory)


def _record(run: Run, report: _Report) -> None:
    # Only one of two workers that fail concurrently reports: os.link creates the file atomically, and fails if it
    # exists. If the file cannot be written or linked, each process of the run reports.
    directory = run.directory
    _REPORTS.setdefault(directory, report)
    from pytest_plexdev.core.private_files import write_private

    draft = directory / f".{FILE}.{os.urandom(6).hex()}"
    with contextlib.suppress(OSError, PlexdevError):
        # Until this process ends: another run would sweep a directory without an owner, and the report with it.
        run.hold()
        write_private(draft, json.dumps(asdict(report)).encode())
        with contextlib.suppress(OSError):
            os.link(draft, directory / FILE)
        draft.unlink()
