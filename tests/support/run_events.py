"""The events of a made-up run, for tests of the report."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_plexdev.report.events import (
    BringUpBegan,
    BringUpEnded,
    Event,
    EvidenceSection,
    FailureOfTest,
    Outcome,
    OutcomeOfTest,
    Part,
    PhaseBegan,
    PhaseEnded,
    PhaseOfTest,
    RunBegan,
    RunEnded,
    StackUsed,
    VerdictChanged,
)

START = 1_767_225_600.0
"""2026-01-01 00:00:00 UTC."""
HOSTILE = "</script><img src=x onerror=alert(1)>\"'&"
"""A text that ends a script, an attribute or a tag where it is not escaped."""


def began(at: float = 0.0, *, project: str = "agent") -> RunBegan:
    return RunBegan(
        version=1,
        run="plexdev-1f3a",
        at=START + at,
        project=project,
        command="pytest -n 2",
        programs={"Python": "3.12.1", "pytest": "9.2.0"},
    )


def ended(at: float = 10.0, *, exit_code: int = 0) -> RunEnded:
    return RunEnded(at=START + at, exit_code=exit_code)


def stack(*, was_running: bool = False, made: float = 1.0, drift: Sequence[str] = ()) -> StackUsed:
    return StackUsed(
        provider="embedded",
        id="plexdev-1f3a",
        api="http://localhost:41000",
        issuer="http://localhost:41001/dex",
        made_at=START + made,
        was_running=was_running,
        profile="lean",
        services=(
            Part(name="postgres", version="16.14"),
            Part(name="dex", version="stand-in", stands_in_for="Dex 2.41.1"),
        ),
        left_out=("openbao",),
        drift=tuple(drift),
    )


def bring_up(*parts: tuple[str, float, float], until: float, error: str = "") -> list[Event]:
    """A bring-up of phases: their names, and when they began and ended; 0: they did not."""
    events: list[tuple[float, Event]] = []
    for name, begin, end in parts:
        events.append((begin, PhaseBegan(at=START + begin, name=name)))
        if end:
            events.append((end, VerdictChanged(at=START + end, name=name, state="ready")))
            events.append((end, PhaseEnded(at=START + end, name=name)))
    in_order = [event for _, event in sorted(events, key=lambda each: each[0])]
    return [BringUpBegan(at=START), *in_order, BringUpEnded(at=START + until, error=error)]


def outcome(
    name: str, result: Outcome = "passed", *, at: float = 5.0, seconds: float = 1.0, worker: str = "", reason: str = ""
) -> OutcomeOfTest:
    phases = (
        PhaseOfTest(name="setup", began=START + at, ended=START + at + seconds / 2),
        PhaseOfTest(name="call", began=START + at + seconds / 2, ended=START + at + seconds),
    )
    return OutcomeOfTest(test=name, outcome=result, worker=worker, phases=phases, reason=reason)


def failure(name: str, *, message: str = "assert 1 == 2", text: str = "") -> FailureOfTest:
    return FailureOfTest(
        test=name,
        phase="call",
        message=message,
        text=text or f">   assert x\nE   {message}",
        evidence=(EvidenceSection(title="HTTP exchanges", text="GET /v1/version -> 200"),),
        folder=".plexdev/folder",
    )


def whole_run() -> list[Event]:
    """A run on two workers with a failure, an error, a skipped and 3 passed tests."""
    return [
        began(),
        stack(),
        *bring_up(("template", 0.1, 1.0), ("nats", 0.1, 0.4), ("postgres", 1.0, 1.5), ("api", 1.5, 3.0), until=3.0),
        *(outcome(f"test_a.py::test_{number}", worker="gw0", at=4.0 + number) for number in range(3)),
        outcome("test_b.py::test_red", "failed", worker="gw1", at=4.0),
        outcome("test_b.py::test_broken", "error", worker="gw1", at=5.0),
        outcome("test_b.py::test_later", "skipped", worker="gw1", at=6.0, reason="needs openbao"),
        failure("test_b.py::test_red", message="assert 'healthy' == 'stale'"),
        failure("test_b.py::test_broken", message="LookupError: no fixture"),
        ended(exit_code=1),
    ]
