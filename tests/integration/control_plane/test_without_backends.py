"""Telemetry while NATS, Mimir and Loki are configured but not there."""

from __future__ import annotations

import httpx
import pytest

from tests.support.actors import refusal
from tests.support.enrolment import Site
from tests.support.telemetry import SIGNALS, query_logs, query_metrics, record, send


@pytest.mark.parametrize("signal", SIGNALS)
def test_no_batch_is_acknowledged(site: Site, signal: str) -> None:
    answer = send(site.node(), signal, record(signal))

    assert refusal(answer) == (503, "ingest_buffer_unavailable")
    assert int(answer.headers["retry-after"]) > 0


@pytest.mark.parametrize("query", [query_metrics, query_logs], ids=["metrics", "logs"])
def test_a_query_says_that_its_backend_is_away(acme: httpx.Client, site: Site, query: object) -> None:
    assert callable(query)

    answer = query(acme, site.domain_id, "up")

    assert refusal(answer) == (502, "query_upstream_unavailable")
    assert "127.0.0.1" not in answer.text
