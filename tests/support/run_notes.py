"""What the tests of a run note about the stacks that they had, and what is left of these."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

import pytest


class Note(TypedDict, total=False):
    """The note of one test, in ``note-….json``: which members it has is the test's choice."""

    id: str
    directory: str
    api: str
    pids: list[int]


def notes_of(project: pytest.Pytester) -> list[Note]:
    """Return the notes in the order of their names."""
    return [json.loads(path.read_text()) for path in sorted(project.path.glob("note-*.json"))]


def left_of(temporary: Path, notes: Sequence[Note]) -> list[int | str]:
    """Return the processes that still run and the directories of stacks in *temporary*."""
    alive = [pid for note in notes for pid in note["pids"] if Path(f"/proc/{pid}").exists()]
    return [*alive, *(path.name for path in temporary.iterdir() if path.name.startswith("plexdev"))]
