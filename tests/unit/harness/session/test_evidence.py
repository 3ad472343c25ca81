"""The time limit of evidence: a collector that blocks is abandoned and reported."""

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
    output = evidence._result_of(evidence._start(lambda: "late" if never.wait(30) else ""), 0.05)
    never.set()

    assert output.startswith("not collected: ")
    assert time.monotonic() - began < 10


def test_a_collectors_own_error_is_said() -> None:
    def broken() -> str:
        raise ValueError("no such thing")

    assert evidence._result_of(evidence._start(broken), 5.0) == "the collector failed: ValueError: no such thing"


def test_what_is_not_ready_is_not_pushed_out_by_what_is() -> None:
    """A long section loses its beginning, so ready services, which could displace the cause, are only counted."""
    stack: Any = SimpleNamespace(info=SimpleNamespace(services=()))
    cause = Verdict(name="secret/s", state="doomed", reason="changed by hand", hint="plexdev up --stack kind")
    ready = [Verdict(name=f"deployment/d{number}", state="ready", reason="") for number in range(20)]

    output = evidence._readiness(stack, [cause, *ready]).splitlines()

    assert output[0].split() == ["secret/s", "doomed", "changed", "by", "hand"]
    assert output[1].strip() == "fix: plexdev up --stack kind"
    assert output[2:] == ["20 more are ready"]
