"""Waiting for telemetry: what ends it, what does not, and what its error says."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, cast

import pytest

from pytest_plexdev import PlexdevError, ProblemError
from pytest_plexdev.api import Client
from pytest_plexdev.api.observability import QueryResult
from pytest_plexdev.api.problems import Problem
from pytest_plexdev.testkit.logs import Logs
from pytest_plexdev.testkit.metrics import Metrics

DOMAIN = "0197a1b2-0000-7000-8000-000000000001"


class Backend:
    """Answers queries one after another, the last one again and again; a number is the status of a problem."""

    def __init__(self, *answers: Sequence[dict[str, Any]] | int, result_type: str | None = None) -> None:
        self._result_type = result_type
        self._answers = list(answers)
        self.queries: list[str] = []
        self.observability = self

    def query_metrics(self, domain_id: str, query: str) -> QueryResult:
        return self._answer(query, {"resultType": self._result_type or "vector"})

    def query_logs(self, domain_id: str, query: str, **_: object) -> QueryResult:
        return self._answer(query, {"resultType": self._result_type or "streams"})

    def _answer(self, query: str, data: dict[str, Any]) -> QueryResult:
        self.queries.append(query)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, int):
            code = "query_upstream_unavailable" if answer == 502 else "query_invalid"
            raise ProblemError(Problem(status=answer, code=code), method="GET", path="/")
        return QueryResult(status_code=200, body=json.dumps({"data": {**data, "result": answer}}))


def series(value: float, **labels: str) -> dict[str, Any]:
    return {"metric": {"domain_id": DOMAIN, **labels}, "value": [1795947330.25, str(value)]}


def stream(*lines: str, **labels: str) -> dict[str, Any]:
    return {"stream": labels, "values": [[f"{place}000000000", line] for place, line in enumerate(lines)]}


def metrics(backend: Backend) -> Metrics:
    return Metrics(cast(Client, backend), DOMAIN, backlog=lambda _: "3 batches wait", log="api.log")


def logs(backend: Backend) -> Logs:
    return Logs(cast(Client, backend), DOMAIN, backlog=lambda _: "3 batches wait", log="api.log")


def test_a_series_that_comes_later_is_found() -> None:
    backend = Backend([], 502, 504, [series(1), series(2)])

    found = metrics(backend).wait_for("up", where=lambda each: each.value == 2)

    assert (found.value, found.at.isoformat()) == (2.0, "2026-11-29T10:15:30.250000+00:00")
    assert backend.queries == ["up"] * 4


def test_a_result_of_another_type_is_named() -> None:
    backend = Backend([], result_type="matrix")

    for query in (metrics(backend).query, logs(backend).query):
        with pytest.raises(PlexdevError) as caught:
            query("up[5m]")
        assert caught.value.tag == "query-result"
        assert caught.value.headline.startswith("plexdev[query-result]: the query up[5m] returns a matrix, not ")


def test_a_query_that_is_refused_is_not_repeated() -> None:
    backend = Backend(400)

    with pytest.raises(ProblemError):
        metrics(backend).wait_for("up{", timeout=60)

    assert len(backend.queries) == 1


def test_the_error_lists_what_is_there() -> None:
    there = [series(1, __name__="peers", node_id="n1", zone=str(zone)) for zone in range(12)]
    backend = Backend([], there)

    with pytest.raises(PlexdevError) as missing:
        metrics(backend).wait_for("pears", timeout=0)

    assert missing.value.tag == "no-telemetry"
    assert missing.value.headline.endswith("no series of pears was there within 0.0 s")
    text = str(missing.value)
    assert 'has peers{node_id="n1",zone="0"}, ' in text
    assert 'zone="9"} and 2 more; 3 batches wait' in text
    assert backend.queries == ["pears", '{__name__=~".+"}']


def test_the_error_says_that_there_is_nothing() -> None:
    with pytest.raises(PlexdevError, match="has none at all; 3 batches wait"):
        logs(Backend([])).wait_for(timeout=0)


def test_the_error_says_that_the_backend_is_away() -> None:
    with pytest.raises(PlexdevError, match="its backend answered 502 query_upstream_unavailable") as missing:
        logs(Backend(502)).wait_for(timeout=0)

    assert isinstance(missing.value.__cause__, ProblemError)


def test_lines_of_all_streams_are_in_the_order_of_time() -> None:
    backend = Backend([stream("a0", "a1", severity="info"), stream("b0", severity="err")])

    entries = logs(backend).query()

    assert [(each.line, each.labels["severity"]) for each in entries] == [
        ("a0", "info"),
        ("b0", "err"),
        ("a1", "info"),
    ]
