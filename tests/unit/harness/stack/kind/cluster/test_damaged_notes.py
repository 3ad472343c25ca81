"""A damaged note of a cluster's creation is ignored: no traceback, and no blocking read of a FIFO."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_plexdev.core.ownership.mark import MARK
from pytest_plexdev.stack.kind.cluster import lock, reaper
from pytest_plexdev.stack.kind.cluster.cluster_files import ClusterFiles

_TEXTS = (
    "[]",
    "",
    '{"pid": 1',
    '{"pid": "1", "started": [], "cluster": {}}',
    '{"pid": 99999999999999999999, "started": 1, "cluster": "c", "began": 1.0, "since": 1.0, "command": "x"}',
    '{"pid": -1, "started": 1, "cluster": "c", "began": 1.0, "since": 1.0, "command": "x"}',
    "[" * 99999,
    "\x00\xff",
)


def _fifo(path: Path) -> None:
    os.mkfifo(path, 0o600)


def _link(path: Path) -> None:
    path.symlink_to("/etc/passwd")


def _text(text: str) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        path.write_bytes(text.encode("latin-1"))

    return damage


@pytest.mark.parametrize("damage", [*map(_text, _TEXTS), Path.mkdir, _fifo, _link])
def test_a_damaged_note_is_none(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    for name in ("creating.json", MARK, "kind.holder.json"):
        damage(tmp_path / name)

    assert ClusterFiles("c", tmp_path).creation() is None
    assert not reaper.watches_over(tmp_path)
    assert not lock.is_held(tmp_path)
