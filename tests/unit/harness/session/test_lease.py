"""The lease: which process starts the stack, reads it, or gets a failure. The provider logs calls in a diary file."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_plexdev.core.ownership.mark import MARK
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.session.lease import Keep, Lease
from pytest_plexdev.session.output_directory import Output
from tests.support.leases import Diary, lease_of


def test_only_the_first_brings_up(tmp_path: Path, diary: Diary) -> None:
    first, second = lease_of(tmp_path, diary), lease_of(tmp_path, diary)
    assert first.acquire(print) == second.acquire(print)
    assert diary.entries == ["up"]


def test_nothing_is_there_before_somebody_asks(tmp_path: Path, diary: Diary) -> None:
    lease = lease_of(tmp_path, diary)
    assert lease.peek() is None
    assert lease.release(failed=False) is None
    assert diary.entries == []
    assert not lease.run_directory.exists()


def test_a_failure_is_told_to_everybody_and_not_tried_again(tmp_path: Path) -> None:
    diary = Diary(tmp_path, fails=True)
    with pytest.raises(PlexdevError) as first:
        lease_of(tmp_path, diary).acquire(print)
    with pytest.raises(PlexdevError) as second:
        lease_of(tmp_path, diary).acquire(print)

    assert str(first.value) == str(second.value)
    assert "| no such table" in str(second.value)
    assert diary.entries == ["up"]


def test_release_ends_it_once(tmp_path: Path, diary: Diary) -> None:
    lease = lease_of(tmp_path, diary)
    lease.acquire(print)
    lease.release(failed=False)
    lease.release(failed=False)
    assert diary.entries == ["up", "down"]
    left = sorted(path.name for path in lease.run_directory.iterdir())
    assert left == [MARK, "stack"]  # the fake provider does not remove it


def test_the_run_directory_is_nobody_elses_business(tmp_path: Path, diary: Diary) -> None:
    lease = lease_of(tmp_path, diary)
    lease.acquire(print)
    assert lease.run_directory.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("keep", "failed", "kept"),
    [
        ("never", True, False),
        ("on-failure", True, True),
        ("on-failure", False, False),
        ("always", False, True),
    ],
)
def test_keep(tmp_path: Path, diary: Diary, keep: Keep, *, failed: bool, kept: bool) -> None:
    lease = lease_of(tmp_path, diary, keep=keep)
    info = lease.acquire(print)
    assert lease.release(failed=failed) == (info if kept else None)
    assert diary.entries == (["up"] if kept else ["up", "down"])
    assert (info.directory / "kept").exists() == kept


def test_the_logs_of_a_failed_bring_up_are_where_its_error_says(tmp_path: Path) -> None:
    lease = lease_of(tmp_path, Diary(tmp_path, fails=True))
    with pytest.raises(PlexdevError) as caught:
        lease.acquire(print)
    lease.release(failed=True)

    kept = tmp_path / "out" / "bring-up"
    assert str(caught.value).endswith(f"fix: read {kept / 'api.log'}")
    assert [path.name for path in kept.glob("[!.]*")] == ["api.log"]
    assert [path.name for path in lease.run_directory.iterdir()] == [MARK]


def test_a_successful_bring_up_removes_the_logs_of_a_failed_one(tmp_path: Path, diary: Diary) -> None:
    (tmp_path / "out" / "bring-up").mkdir(parents=True)
    (tmp_path / "out" / "bring-up" / "mine.txt").write_text("the user's")
    with pytest.raises(PlexdevError):
        lease_of(tmp_path, Diary(tmp_path, fails=True)).acquire(print)
    assert (tmp_path / "out" / "bring-up--2" / "api.log").exists()

    again = Lease(run_directory=tmp_path / "again", provider_factory=diary, output=Output(tmp_path / "out"))
    again.acquire(print)
    assert [str(path.relative_to(tmp_path)) for path in (tmp_path / "out").glob("*/*")] == ["out/bring-up/mine.txt"]


def test_the_error_names_an_unwritable_output_directory(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    lease = lease_of(tmp_path, Diary(tmp_path, fails=True))
    with pytest.raises(PlexdevError, match=r"fix: read the lines above \(.*out/bring-up cannot be written: Not a dir"):
        lease.acquire(print)
