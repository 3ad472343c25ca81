"""Damaged files of a run: a process that reads them raises a tagged error or ignores them, without waiting."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_plexdev.errors import STACK_MISSING, PlexdevError
from pytest_plexdev.options import resolve
from pytest_plexdev.session import first_failure
from pytest_plexdev.session.run import Run
from tests.support.damage import DAMAGES


@pytest.fixture
def run(tmp_path: Path) -> Run:
    directory = tmp_path / "run"
    directory.mkdir(mode=0o700)
    return Run(
        settings=resolve({}, {}, {}),
        directory=directory,
        controller_pid=1,
        is_controller=True,
        seed=lambda *, for_reference_plane: None,
        overlay=lambda: None,
    )


@contextlib.contextmanager
def _refused(file: Path) -> Iterator[None]:
    """Expect an error that names the damaged file, or none, as if the file did not exist."""
    try:
        yield
    except PlexdevError as error:
        found = (error.tag in ("state-damaged", "untrusted-path"), str(file) in str(error))
    else:
        found = (True, True)
    assert found == (True, True)


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("ran.json", lambda run: run.what_ran()),
        ("drift.txt", lambda run: run.notes.drift),
        ("passed-over.txt", lambda run: run.notes.passed_over),
    ],
)
def test_what_a_worker_left_for_the_summary(run: Run, name: str, read: Callable[[Run], object], damage: str) -> None:
    DAMAGES[damage](run.directory / name)

    found: object = None
    with _refused(run.directory / name):
        found = read(run)

    assert "root:" not in str(found)
    assert name != "ran.json" or found is None


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_note_makes_the_next_test_report_the_failure(
    run: Run, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    DAMAGES[damage](run.directory / first_failure.FILE)
    monkeypatch.setenv("PYTEST_CURRENT_TEST", "test_a.py::test_a (setup)")

    first_failure.skip_if_reported(run.directory, "test_a.py::test_a")
    with pytest.raises(PlexdevError, match="stack-missing"), first_failure.report_once(run):
        raise PlexdevError(STACK_MISSING, looked_for="a stack", option="")
    with pytest.raises(pytest.skip.Exception, match=r"failed, see test_a\.py::test_a: "):
        first_failure.skip_if_reported(run.directory, "test_b.py::test_b")
