from __future__ import annotations

from pathlib import Path

import pytest

from pytest_plexdev.core.ownership import run_directory
from pytest_plexdev.core.ownership.run_directory import sweep
from pytest_plexdev.errors import STACK_MISSING, PlexdevError
from pytest_plexdev.options import resolve
from pytest_plexdev.session import first_failure
from pytest_plexdev.session.run import Run


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(run_directory, "temporary_directory", lambda: tmp_path)
    return Run(
        settings=resolve({}, {}, {}),
        directory=tmp_path / "plexdev-run",
        controller_pid=1,
        is_controller=True,
        seed=lambda *, for_reference_plane: None,
        overlay=lambda: None,
    )


def test_a_report_outlives_the_sweep_of_another_run(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_CURRENT_TEST", "test_a.py::test_a (setup)")
    with pytest.raises(PlexdevError), first_failure.report_once(run):
        raise PlexdevError(STACK_MISSING, looked_for="a stack", option="")

    sweep()
    monkeypatch.setattr(first_failure, "_REPORTS", {})  # as in another worker
    with pytest.raises(pytest.skip.Exception, match=r"failed, see test_a\.py::test_a: "):
        first_failure.skip_if_reported(run.directory, "test_b.py::test_b")

    run.release()
    sweep()
    assert not run.directory.exists()
