"""The budget of evidence: what does not answer is left behind, and said."""

from __future__ import annotations

import threading
import time

from pytest_plexdev.session import evidence


def test_a_collector_that_does_not_answer_is_left_behind() -> None:
    never = threading.Event()
    began = time.monotonic()
    said = evidence._run(lambda: "late" if never.wait(30) else "", 0.05)
    never.set()

    assert said.startswith("not collected: ")
    assert time.monotonic() - began < 10


def test_a_collectors_own_error_is_said() -> None:
    def broken() -> str:
        raise ValueError("no such thing")

    assert evidence._run(broken, 5.0) == "the collector failed: ValueError: no such thing"
