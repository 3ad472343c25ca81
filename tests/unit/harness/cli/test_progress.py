"""What a bring-up tells programs and logs while phases run at the same time."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from time import sleep
from typing import TYPE_CHECKING

from pytest_plexdev.cli.progress import show
from pytest_plexdev.core.model import PhaseBegan

if TYPE_CHECKING:
    import pytest


class Slow:
    """A stream whose reader lets another thread in after every write."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> int:
        sleep(0.0002)
        self.text += text
        return len(text)

    def flush(self) -> None:
        pass


def test_events_of_phases_that_run_at_once_are_whole_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Slow()
    monkeypatch.setattr("sys.stderr", stream)
    with show(as_json=True) as progress, ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: progress(PhaseBegan(name=f"phase {number}")), range(100)))

    told = [json.loads(line) for line in stream.text.splitlines()]
    assert {each["name"] for each in told} == {f"phase {number}" for number in range(100)}
