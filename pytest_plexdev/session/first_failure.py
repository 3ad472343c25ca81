"""Report a failed bring-up once per run. The first test that needs the stack shows it; later ones name that test."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import pytest

from pytest_plexdev.errors import PlexdevError

FILE: Final = "told.json"
"""In the run's directory, where a bring-up failed."""


@dataclass(frozen=True)
class _Told:
    by: str
    said: str


_IN_THIS_PROCESS: Final[dict[Path, _Told]] = {}
"""By the run's directory, for a run that can have none."""


@contextlib.contextmanager
def report_once(directory: Path) -> Iterator[None]:
    """Wrap the bring-up: let its first failure pass, and skip the test if another test has reported it.

    Args:
        directory: The run's own.
    """
    try:
        yield
    except PlexdevError as error:
        test = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" (")[0]
        _tell(directory, _Told(by=test, said=error.headline))
        skip_if_reported(directory, test)
        raise


def skip_if_reported(directory: Path, test: str) -> None:
    """Skip *test* if another test of the run has reported that there is no stack; the same test may report it again."""
    told = _read(directory)
    if told is not None and told.by != test:
        pytest.skip(f"the stack did not come up, as {told.by} reports in full: {told.said}")


def _read(directory: Path) -> _Told | None:
    from pytest_plexdev.core.private_files import read_private
    from pytest_plexdev.core.untrusted_json import decode_file

    with contextlib.suppress(OSError, ValueError, TypeError, RecursionError, PlexdevError):
        return _Told(**decode_file(read_private(directory / FILE)))
    return _IN_THIS_PROCESS.get(directory)


def _tell(directory: Path, told: _Told) -> None:
    # Of two workers that fail at the same time, one reports; a link makes the file appear whole. If nothing can be
    # written or linked, each process of the run reports.
    _IN_THIS_PROCESS.setdefault(directory, told)
    from pytest_plexdev.core.ownership.run_directory import hold
    from pytest_plexdev.core.private_files import write_private

    draft = directory / f".{FILE}.{os.urandom(6).hex()}"
    with contextlib.suppress(OSError, PlexdevError), hold(directory):
        write_private(draft, json.dumps(asdict(told)).encode())
        with contextlib.suppress(OSError):
            os.link(draft, directory / FILE)
        draft.unlink()
