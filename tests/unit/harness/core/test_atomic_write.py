from __future__ import annotations

import stat
from pathlib import Path

import pytest

from pytest_plexdev.core.atomic_write import write_atomic


def test_new_content_replaces_the_old_with_its_own_mode(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(b"old and longer")
    path.chmod(0o644)

    write_atomic(path, b"new", mode=0o600)

    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_reader_with_the_old_file_open_still_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "stack.json"
    write_atomic(path, b"old")
    with path.open("rb") as reader:
        write_atomic(path, b"new")
        assert reader.read() == b"old"


def test_what_cannot_be_written_is_the_file_systems_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_atomic(tmp_path / "missing" / "stack.json", b"")
