"""The budget of evidence: what does not answer is left behind, and said."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace
from typing import Any

from pytest_plexdev.core.model import Verdict
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


def test_what_is_not_ready_is_not_pushed_out_by_what_is() -> None:
    """A section keeps its end, and the first verdict of a stack names the cause of the others."""
    stack: Any = SimpleNamespace(info=SimpleNamespace(services=()))
    cause = Verdict(name="secret/s", state="doomed", reason="changed by hand", hint="plexdev up --stack kind")
    ready = [Verdict(name=f"deployment/d{number}", state="ready", reason="") for number in range(20)]

    said = evidence._readiness(stack, [cause, *ready]).splitlines()

    assert said[0].split() == ["secret/s", "doomed", "changed", "by", "hand"]
    assert said[1].strip() == "fix: plexdev up --stack kind"
    assert said[2:] == ["20 more are ready"]
