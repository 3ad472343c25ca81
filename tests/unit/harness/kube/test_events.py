"""Events of a namespace: the selection by time, and the order."""

from __future__ import annotations

from typing import Any

from pytest_plexdev.kube.events import _lines
from pytest_plexdev.kube.timestamps import event_time


def event(reason: str, **times: Any) -> dict[str, Any]:
    return {
        "metadata": {"creationTimestamp": "2026-11-23T15:00:00Z"},
        "involvedObject": {"kind": "Pod", "name": "plexsphere-1"},
        "type": "Warning",
        "reason": reason,
        "message": "said",
        **times,
    }


def test_an_events_time_is_when_it_was_last_seen() -> None:
    series = event("BackOff", series={"lastObservedTime": "2026-11-23T15:00:09.5Z"}, eventTime="2026-11-23T15:00:01Z")

    assert event_time(series) - event_time(event("Created")) == 9.5
    assert event_time(event("Pulled", lastTimestamp="2026-11-23T15:00:02Z")) - event_time(event("Created")) == 2
    assert event_time(event("Pulled", lastTimestamp=None, eventTime="2026-11-23T15:00:03Z")) > event_time(event("C"))


def test_lines_are_in_the_order_of_time_and_name_the_object() -> None:
    lines = list(_lines([(20.0, event("Second")), (10.0, event("First"))]))

    assert [line.split("  ", 1)[1] for line in lines] == [
        "Warning  pod/plexsphere-1  First: said",
        "Warning  pod/plexsphere-1  Second: said",
    ]
