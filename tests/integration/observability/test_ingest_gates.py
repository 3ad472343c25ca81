"""The gates of the ingest operations, in the contract's order."""

from __future__ import annotations

import gzip
import os
from datetime import UTC, datetime

import httpx
import pytest

from plexsphere_reference.rules.ingest import INFLATED_CAP, MOST_RECORDS, WIRE_CAP
from tests.support.actors import refusal
from tests.support.enrolment import Agent, Site
from tests.support.telemetry import SIGNALS, Rig, encoded, record, send, send_bytes

TOO_LARGE = os.urandom(WIRE_CAP + 1)


@pytest.mark.parametrize("signal", SIGNALS)
def test_a_batch_is_accepted(agent: Agent, signal: str) -> None:
    before = datetime.now(UTC)

    answer = send(agent, signal, record(signal), record(signal))

    assert answer.status_code == 202
    assert answer.json()["records"] == 2
    assert before <= datetime.fromisoformat(answer.json()["accepted_at"]) <= datetime.now(UTC)


@pytest.mark.parametrize("signal", SIGNALS)
@pytest.mark.parametrize("encoding", [None, "identity", ""])
def test_a_batch_needs_no_compression(agent: Agent, signal: str, encoding: str | None) -> None:
    answer = send_bytes(agent, signal, encoded(signal, [record(signal)]), Content_Encoding=encoding)

    assert answer.status_code == 202


@pytest.mark.parametrize("signal", ["logs", "audit"])
def test_blank_lines_are_not_counted(agent: Agent, signal: str) -> None:
    first, second = encoded(signal, [record(signal)]), encoded(signal, [record(signal)])

    answer = send_bytes(agent, signal, gzip.compress(b"\n \r\n" + first + b"\n\n" + second.strip()))

    assert answer.json()["records"] == 2


@pytest.mark.parametrize("signal", SIGNALS)
def test_gates_refuse_in_the_order_of_the_contract(site: Site, agent: Agent, signal: str) -> None:
    """Each request is wrong at one gate and at all later ones."""
    wrong = {"Content_Encoding": "br", "X_Plexsphere_Sent_At": "yesterday"}
    without = Agent(agent.id, agent.mesh_ip, "nsk_x_y", agent.client)

    answers = [
        send_bytes(without, signal, TOO_LARGE, **wrong),
        send_bytes(agent, signal, TOO_LARGE, node_id=site.node().id, **wrong),
        send_bytes(agent, signal, TOO_LARGE, **wrong),
        send_bytes(agent, signal, TOO_LARGE, X_Plexsphere_Sent_At="yesterday"),
        send_bytes(agent, signal, TOO_LARGE),
        send_bytes(agent, signal, b"no gzip"),
    ]

    assert [refusal(each) for each in answers] == [
        (401, "nsk_invalid"),
        (403, "node_id_mismatch"),
        (415, "ingest_encoding_unsupported"),
        (400, "ingest_sent_at_invalid"),
        (413, "ingest_body_too_large"),
        (400, "ingest_encoding_invalid"),
    ]


@pytest.mark.parametrize("encoding", ["deflate", "gzip, gzip", "x-gzip", "zstd"])
def test_other_encodings_are_refused(agent: Agent, encoding: str) -> None:
    answer = send(agent, "logs", record("logs"), Content_Encoding=encoding)

    assert refusal(answer) == (415, "ingest_encoding_unsupported")


@pytest.mark.parametrize("sent_at", [None, "", "now", "1764400000", "2026-11-29", "2026-11-29T10:00:00"])
def test_the_time_of_sending_is_required(agent: Agent, sent_at: str | None) -> None:
    answer = send(agent, "metrics", record("metrics"), X_Plexsphere_Sent_At=sent_at)

    assert refusal(answer) == (400, "ingest_sent_at_invalid")


def test_the_wire_cap_holds_for_a_body_without_a_length(agent: Agent) -> None:
    chunks = iter([TOO_LARGE[:WIRE_CAP], b"x"])

    answer = agent.client.post(
        f"/v1/nodes/{agent.id}/logs",
        content=chunks,
        headers={**agent.headers, "X-Plexsphere-Sent-At": datetime.now(UTC).isoformat()},
    )

    assert refusal(answer) == (413, "ingest_body_too_large")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (gzip.compress(b" " * (INFLATED_CAP + 1)), (413, "ingest_body_too_large")),
        (gzip.compress(b"\n" * INFLATED_CAP), (400, "ingest_batch_malformed")),
        (gzip.compress(b"{}")[:-4], (400, "ingest_encoding_invalid")),
        (gzip.compress(b"{}") + b"x", (400, "ingest_encoding_invalid")),
        (b"", (400, "ingest_encoding_invalid")),
        (gzip.compress(b""), (400, "ingest_batch_malformed")),
    ],
    ids=["inflated", "blank", "truncated", "trailing", "nothing", "empty"],
)
@pytest.mark.parametrize("signal", SIGNALS)
def test_a_stream_is_inflated_under_a_cap(agent: Agent, signal: str, body: bytes, expected: tuple[int, str]) -> None:
    assert refusal(send_bytes(agent, signal, body)) == expected


@pytest.mark.parametrize("signal", SIGNALS)
def test_a_batch_has_a_limit_of_records(site: Site, signal: str) -> None:
    node = site.node()
    at_the_cap = [{**record(signal), "hostname": str(number)} for number in range(MOST_RECORDS)]

    assert send(node, signal, *at_the_cap).json()["records"] == MOST_RECORDS
    assert refusal(send(node, signal, *at_the_cap, record(signal))) == (413, "ingest_batch_too_many_records")


def test_a_node_has_a_quota_of_its_own(site: Site) -> None:
    greedy, modest = site.node(), site.node()
    body = os.urandom(WIRE_CAP)

    answers = [send_bytes(greedy, "logs", body) for _ in range(20)]

    refused = [each for each in answers if each.status_code == 429]
    assert {refusal(each) for each in answers} == {(400, "ingest_encoding_invalid"), (429, "per_node_rate_limited")}
    assert 1 <= int(refused[0].headers["retry-after"]) <= 60
    assert send(modest, "logs", record("logs")).status_code == 202


def test_accepted_batches_are_counted(rig: Rig, site: Site, nobody: httpx.Client) -> None:
    node = site.node()

    def counted() -> dict[str, float]:
        lines = [line.rpartition(" ") for line in nobody.get("/metrics").text.splitlines()]
        return {name: float(value) for name, _, value in lines if name.startswith("plexsphere_ingest") and value}

    before = counted()
    send(node, "audit", record("audit"), record("audit"), X_Plexsphere_Sent_At="2026-01-01T00:00:00Z")
    after = counted()
    grown = {name: after[name] - before.get(name, 0.0) for name in after if 'signal="audit"' in name}
    assert grown['plexsphere_ingest_records_total{signal="audit"}'] == 2
    assert grown['plexsphere_ingest_bytes_total{signal="audit"}'] > 50
    assert grown['plexsphere_ingest_lag_seconds_sum{signal="audit"}'] > 1000
