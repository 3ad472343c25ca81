"""The place of temporary files: below the user's own directory, unless it is too long for a socket."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from pytest_plexdev.core import temporary
from pytest_plexdev.core.temporary import find_temporary_directory, temporary_directory
from pytest_plexdev.errors import PlexdevError


@pytest.mark.parametrize("chosen", ["/t", "/with space/and \"'\\%$#", "/ünïcode", "/" + 59 * "x"])
def test_the_users_directory_is_taken(chosen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", chosen)
    assert temporary_directory() == Path(chosen)


@pytest.mark.parametrize("chosen", ["/" + 60 * "x", "/" + 30 * "ü", "/a,b", "/a\nb", "/a\x7f", "/a\udcff"])
def test_one_without_room_for_a_socket_is_passed_over(chosen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", chosen)
    assert temporary_directory() == Path("/tmp")


@pytest.mark.parametrize(("chosen", "reason"), [("/" + 60 * "x", "it has 61 bytes"), ("/a\nb", r"the character '\n'")])
def test_without_another_one_the_reason_is_reported(chosen: str, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", chosen)
    monkeypatch.setattr(temporary, "_INSTEAD", (Path("/nosuch"),))

    assert find_temporary_directory() is None
    with pytest.raises(PlexdevError) as refusal:
        temporary_directory()
    assert refusal.value.tag == "temporary-unusable"
    assert reason in str(refusal.value)
