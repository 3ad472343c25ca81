"""Bounds of telemetry queries, by the contract's operations QueryDomainMetrics and QueryDomainLogs."""

from __future__ import annotations

from typing import Final

import pytest

from plexsphere_reference.rules.telemetry_query import InvalidQuery, logs_parameters, metrics_parameters

T0, T1 = "2026-11-29T10:00:00Z", "2026-11-29T11:00:00Z"
RANGE: Final = {"query": "up", "start": T0, "end": T1, "step": "30s"}
LOGS: Final = {"query": '{signal="logs"}', "start": T0, "end": T1}
INVALID, RANGE_INVALID = "query_invalid", "query_range_invalid"


def test_an_instant_query_ignores_the_range() -> None:
    wrong_range = {"start": "x", "end": "y", "step": "z"}

    assert metrics_parameters({"query": "up", "time": T0, **wrong_range}) == {
        "query": "up",
        "limit": "10000",
        "time": "2026-11-29T10:00:00+00:00",
    }


def test_a_range_query_has_its_step_in_seconds() -> None:
    assert metrics_parameters({**RANGE, "step": "1m30.5s"}) == {
        "query": "up",
        "limit": "10000",
        "start": "2026-11-29T10:00:00+00:00",
        "end": "2026-11-29T11:00:00+00:00",
        "step": "90.500000000",
    }


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"query": ""}, INVALID),
        ({"query": " "}, INVALID),
        ({"query": "x" * 4097}, INVALID),
        ({"node_id": "x"}, INVALID),
        ({"start": ""}, RANGE_INVALID),
        ({"end": "tomorrow"}, RANGE_INVALID),
        ({"end": "2026-11-29T11:00:00"}, RANGE_INVALID),
        ({"end": T0}, RANGE_INVALID),
        ({"start": T1, "end": T0}, RANGE_INVALID),
        ({"end": "2026-12-30T10:00:01Z"}, RANGE_INVALID),
        ({"time": "now"}, RANGE_INVALID),
        ({"step": ""}, RANGE_INVALID),
        ({"step": "0s"}, RANGE_INVALID),
        ({"step": "-30s"}, RANGE_INVALID),
        ({"step": "30"}, RANGE_INVALID),
    ],
    ids=str,
)
def test_a_metrics_query_out_of_bounds_is_refused(changed: dict[str, str], code: str) -> None:
    with pytest.raises(InvalidQuery) as refused:
        metrics_parameters({**RANGE, **changed})

    assert refused.value.code == code


@pytest.mark.parametrize("missing", ["query", "start", "end", "step"])
def test_a_range_query_needs_each_of_its_parameters(missing: str) -> None:
    with pytest.raises(InvalidQuery):
        metrics_parameters({name: value for name, value in RANGE.items() if name != missing})


@pytest.mark.parametrize("query", ["x" * 4096, "x"])
@pytest.mark.parametrize("end", ["2026-12-30T10:00:00Z", "2026-11-29T10:00:00.001Z"])
def test_the_bounds_themselves_are_accepted(query: str, end: str) -> None:
    assert metrics_parameters({**RANGE, "query": query, "end": end})["query"] == query


def test_a_plus_sign_may_be_unencoded() -> None:
    assert logs_parameters({**LOGS, "start": "2026-11-29T10:00:00 01:00"})["start"] == "2026-11-29T10:00:00+01:00"


@pytest.mark.parametrize(
    ("limit", "sent"), [(None, "100"), ("1", "1"), ("5000", "5000"), ("5001", "5000"), ("9" * 50, "5000")]
)
def test_the_limit_of_lines_is_clamped(limit: str | None, sent: str) -> None:
    given = LOGS if limit is None else {**LOGS, "limit": limit}

    assert logs_parameters(given)["limit"] == sent


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"limit": "0"}, INVALID),
        ({"limit": "-1"}, INVALID),
        ({"limit": "x"}, INVALID),
        ({"limit": ""}, INVALID),
        ({"limit": "٣"}, INVALID),
        ({"direction": "sideways"}, INVALID),
        ({"direction": ""}, INVALID),
        ({"query": "x" * 4097}, INVALID),
        ({"node_id": ""}, INVALID),
        ({"end": T0}, RANGE_INVALID),
    ],
    ids=str,
)
def test_a_logs_query_out_of_bounds_is_refused(changed: dict[str, str], code: str) -> None:
    with pytest.raises(InvalidQuery) as refused:
        logs_parameters({**LOGS, **changed})

    assert refused.value.code == code


def test_the_direction_is_backward_by_default() -> None:
    assert logs_parameters(LOGS)["direction"] == "backward"
    assert logs_parameters({**LOGS, "direction": "forward"})["direction"] == "forward"
