"""An archive of images is removed, however its process ends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.stack.kind.cluster.image_archive import archive, remove_left

WRITES = """
import sys
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.stack.kind.cluster.image_archive import archive
with archive() as path:
    path.write_bytes(b"x")
    print(path, flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> subprocess.Popen[str]:
    monkeypatch.setenv("PLEXDEV_CACHE_DIR", str(tmp_path))
    return subprocess.Popen([sys.executable, "-c", WRITES], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_only_archives_of_ended_processes_are_removed(writer: subprocess.Popen[str]) -> None:
    assert writer.stdout is not None
    theirs = Path(writer.stdout.readline().strip())
    with archive() as ours:
        ours.write_bytes(b"y")
        remove_left()
        assert theirs.exists()
        assert ours.exists()
    assert not ours.parent.parent.exists()

    writer.kill()
    writer.communicate()
    assert theirs.exists()
    remove_left()
    assert not theirs.parent.parent.exists()


def test_none_is_left_by_one_that_ends(writer: subprocess.Popen[str]) -> None:
    assert writer.stdout is not None
    theirs = Path(writer.stdout.readline().strip())

    writer.communicate("\n")
    assert not theirs.parent.parent.exists()


def test_what_is_not_ours_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLEXDEV_CACHE_DIR", str(tmp_path))
    project = tmp_path / "archives"
    (project / "2024" / "images").mkdir(parents=True)
    (project / "2024" / "images" / "images.tar").write_text("a backup")
    (project / "empty").mkdir()
    (project / "letter.txt").write_text("a letter")
    before = sorted(project.rglob("*"))

    with archive() as path:
        path.write_bytes(b"x")
    remove_left()

    assert sorted(project.rglob("*")) == before


def test_nobody_else_reads_or_writes_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLEXDEV_CACHE_DIR", str(tmp_path / "cache"))
    before = os.umask(0)
    try:
        with archive() as path:
            directories = [path.parent, path.parent.parent, tmp_path / "cache" / "archives", tmp_path / "cache"]
            assert {each.stat().st_mode & 0o777 for each in directories} == {0o700}
    finally:
        os.umask(before)


def test_a_room_that_others_may_write_to_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLEXDEV_CACHE_DIR", str(tmp_path))
    (tmp_path / "archives").mkdir()
    (tmp_path / "archives").chmod(0o777)

    with pytest.raises(PlexdevError, match="archives is not trusted: others may write to it"), archive():
        pass
