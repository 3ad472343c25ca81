"""The end of a run removes its directory, unless another process still needs it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_plexdev.core.ownership.mark import MARK
from pytest_plexdev.core.process_id import ProcessId
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.cluster import NODE_UNREADABLE
from pytest_plexdev.options import resolve
from pytest_plexdev.session import acquire
from pytest_plexdev.session.run import Run
from pytest_plexdev.stack.kind.cluster import reaper


@pytest.fixture
def ended(tmp_path: Path) -> Callable[[], Path]:
    """Ends a run that has a directory, and returns the directory's path."""
    directory = tmp_path / "run"

    def end() -> Path:
        (directory / "stack").mkdir(parents=True, exist_ok=True)
        directory.chmod(0o700)
        settings = resolve({"plexdev_stack": "kind"}, {}, {})
        Run(
            settings=settings,
            directory=directory,
            controller_pid=1,
            is_controller=True,
            seed=lambda *, for_reference_plane: None,
            overlay=lambda: None,
        ).end()
        return directory

    return end


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Path]:
    """The directory of a stack that has a reaper."""
    directory = tmp_path / "run" / "stack"
    directory.mkdir(parents=True)
    reaper.watch_over("plexdev-nowhere", directory, ProcessId.of(os.getpid()), None)
    yield directory
    reaper.dismiss(directory)


def test_a_killed_workers_stack_is_left_to_its_reaper(ended: Callable[[], Path], watched: Path, tmp_path: Path) -> None:
    (tmp_path / "run" / "reported-failure.json").write_text("{}")

    assert sorted(each.name for each in ended().iterdir()) == [MARK, "stack"]


def test_where_nothing_watches_any_more_the_directory_is_gone(ended: Callable[[], Path], watched: Path) -> None:
    reaper.dismiss(watched)

    assert not ended().exists()


def test_a_stack_that_cannot_be_ended_is_reported_and_kept(
    ended: Callable[[], Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def release(*_: object, **__: object) -> None:
        raise PlexdevError(NODE_UNREADABLE, node="c-control-plane", name="c", file="/f")

    monkeypatch.setattr(acquire, "release", release)

    assert ended().exists()
    assert "plexdev[node-unreadable]: the owner of the node c-control-plane is unknown" in capsys.readouterr().err
