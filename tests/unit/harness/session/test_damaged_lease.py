"""Damaged files of a lease: a tagged error without waiting, and the stack is still stopped."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_plexdev.core.model import KEPT_MARK
from pytest_plexdev.core.ownership.mark import MARK
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.session.lease import Keep
from tests.support.damage import DAMAGES
from tests.support.leases import Diary, lease_of


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_lease_is_an_error_and_its_stack_is_ended(tmp_path: Path, diary: Diary, damage: str) -> None:
    lease_of(tmp_path, diary).acquire(print)
    DAMAGES[damage](tmp_path / "run" / "lease.json")

    for ask in (lease_of(tmp_path, diary).peek, lambda: lease_of(tmp_path, diary).acquire(print)):
        with pytest.raises(PlexdevError) as caught:
            ask()
        assert caught.value.tag in ("state-damaged", "untrusted-path")
        assert str(tmp_path / "run" / "lease.json") in str(caught.value)
    assert lease_of(tmp_path, diary).release(failed=False) is None

    assert diary.entries == ["up", "down"]
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [MARK, "stack"]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("keep", ["always", "on-failure"])
def test_a_stack_is_kept_despite_a_damaged_lease(tmp_path: Path, diary: Diary, damage: str, keep: Keep) -> None:
    lease_of(tmp_path, diary, keep=keep).acquire(print)
    DAMAGES[damage](tmp_path / "run" / "lease.json")

    with pytest.raises(PlexdevError, match=r"state-damaged|untrusted-path"):
        lease_of(tmp_path, diary, keep=keep).release(failed=True)

    assert diary.entries == ["up"]
    assert (tmp_path / "run" / "stack" / KEPT_MARK).exists()


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_failure_file_does_not_retry_the_bring_up(tmp_path: Path, damage: str) -> None:
    diary = Diary(tmp_path, fails=True)
    with pytest.raises(PlexdevError):
        lease_of(tmp_path, diary).acquire(print)
    DAMAGES[damage](tmp_path / "run" / "failure.json")

    with pytest.raises(PlexdevError) as caught:
        lease_of(tmp_path, diary).acquire(print)

    assert caught.value.tag in ("state-damaged", "untrusted-path")
    assert diary.entries == ["up"]
    assert lease_of(tmp_path, diary).release(failed=True) is None
    assert [path.name for path in (tmp_path / "run").iterdir()] == [MARK]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_lease_lock_still_ends_the_stack(tmp_path: Path, diary: Diary, damage: str) -> None:
    lease_of(tmp_path, diary).acquire(print)
    lock = tmp_path / "run" / "lease.lock"
    DAMAGES[damage](lock)

    if damage in ("fifo", "directory", "link", "link to nothing"):
        with pytest.raises(PlexdevError) as caught:
            lease_of(tmp_path, diary).acquire(print)
        assert caught.value.tag == "untrusted-path"
        assert f"{lock} is not trusted" in str(caught.value)
    else:
        assert lease_of(tmp_path, diary).acquire(print).id == "x"
    lease_of(tmp_path, diary).release(failed=False)

    assert diary.entries == ["up", "down"]
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [MARK, "stack"]
