"""The progress output while phases run concurrently."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from time import sleep
from typing import TYPE_CHECKING

from pytest_plexdev.cli.progress import show
from pytest_plexdev.core.progress import PhaseBegan

if TYPE_CHECKING:
    import pytest


class Slow:
    """A stream that switches to another thread after each write."""

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

    events = [json.loads(line) for line in stream.text.splitlines()]
    assert {each["name"] for each in events} == {f"phase {number}" for number in range(100)}
