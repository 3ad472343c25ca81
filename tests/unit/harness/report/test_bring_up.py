"""The parts of a bring-up with their states, and its critical path."""

from __future__ import annotations

import pytest

from pytest_plexdev.report.bring_up import bars_of
from pytest_plexdev.report.events import BringUpEnded, Event, PhaseBegan, PhaseEnded, VerdictChanged
from tests.support.run_events import START, bring_up


def critical(events: list[Event]) -> list[str]:
    return [bar.name for bar in bars_of(events) if bar.is_critical]


def test_the_critical_path_goes_back_from_the_last_part() -> None:
    events = bring_up(("template", 0.0, 2.0), ("nats", 0.0, 0.5), ("postgres", 2.01, 2.5), ("api", 2.5, 4.0), until=4.0)

    assert critical(events) == ["template", "postgres", "api"]


def test_a_part_that_contains_all_others_is_not_on_it() -> None:
    events = bring_up(("all", 0.0, 4.0), ("cluster", 0.0, 3.0), ("objects", 3.0, 4.0), until=4.0)

    assert critical(events) == ["cluster", "objects"]


def test_objects_are_on_it_within_their_phase() -> None:
    events: list[Event] = [
        PhaseBegan(at=START, name="cluster"),
        PhaseEnded(at=START + 20, name="cluster"),
        PhaseBegan(at=START + 20, name="objects"),
        VerdictChanged(at=START + 20, name="deployment/api", state="waiting", reason="init"),
        VerdictChanged(at=START + 20, name="deployment/nats", state="waiting", reason="pulling"),
        VerdictChanged(at=START + 25, name="deployment/nats", state="ready"),
        VerdictChanged(at=START + 30, name="deployment/api", state="waiting", reason="starting"),
        VerdictChanged(at=START + 35, name="deployment/api", state="ready"),
        PhaseEnded(at=START + 35, name="objects"),
        BringUpEnded(at=START + 35),
    ]

    assert critical(events) == ["cluster", "objects", "deployment/api"]
    (api,) = [bar for bar in bars_of(events) if bar.name == "deployment/api"]
    assert [(each.state, each.reason, each.ended - each.began) for each in api.stretches] == [
        ("waiting", "init", 10.0),
        ("waiting", "starting", 5.0),
    ]
    assert api.ready_at == START + 35


def test_the_part_that_the_error_names_has_failed() -> None:
    error = "plexdev[server-exited]: plexsphere-bootstrap exited with exit status 2 4.0 s after the bring-up began"
    events = bring_up(
        ("nats", 0.0, 1.0), ("plexsphere", 1.0, 0), ("plexsphere-bootstrap", 1.0, 0), until=4.0, error=error
    )

    states = {bar.name: bar.stretches[-1].state for bar in bars_of(events)}
    assert states == {"nats": "starting", "plexsphere": "cancelled", "plexsphere-bootstrap": "doomed"}
    assert critical(events) == ["nats", "plexsphere-bootstrap"]
    assert all(bar.ended <= START + 4.0 for bar in bars_of(events))


@pytest.mark.parametrize("events", [[], [BringUpEnded(at=START)], [VerdictChanged(at=1.0, name="x", state="ready")]])
def test_a_bring_up_of_almost_nothing(events: list[Event]) -> None:
    assert len(bars_of(events)) <= 1
