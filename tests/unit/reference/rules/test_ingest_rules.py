"""The records of a batch, by the contract's schemas MetricSample, LogLine and AuditEvent."""

from __future__ import annotations

import json
from typing import Any, Final, cast

import pytest

from plexsphere_reference.rules import ingest
from plexsphere_reference.rules.ingest import InvalidBatch, MetricSample, Signal
from tests.support.contract import contract
from tests.support.telemetry import SIGNALS, encoded, record

SCHEMAS: Final = {"metrics": "MetricSample", "logs": "LogLine", "audit": "AuditEvent"}
WRONG: Final[dict[str, dict[str, list[Any]]]] = {
    "metrics": {
        "group": ["", "other", "NODE_RESOURCES", None, 1],
        "name": ["", None, 1, []],
        "value": [None, "1", True, [], {}],
        "labels": [None, [], "x", {"a": 1}, {"a": None}, {"a": {}}],
    },
    "logs": {
        "severity": ["", "error", "INFO", None, 6],
        "message": ["", None, 1, {}],
        "unit": [None, 1],
        "hostname": [None, []],
    },
    "audit": {
        "source": ["", "auditd2", "K8S", None],
        "action": ["", None, 1],
        "outcome": ["", None, True],
    },
}
WRONG_TIMES: Final = (
    *(None, "", 0, 1764400000, "now", "2026-11-29", "2026-11-29T10:00:00", "2026-13-01T00:00:00Z"),
    *("1969-12-31T23:59:59Z", "2262-01-01T00:00:00Z", "9999-12-31T23:59:59-01:00", "0001-01-01T00:00:00+01:00"),
)


def cases() -> list[tuple[str, str, Any]]:
    members = [
        (signal, name, value) for signal, each in WRONG.items() for name, values in each.items() for value in values
    ]
    return members + [(signal, "timestamp", value) for signal in SIGNALS for value in WRONG_TIMES]


@pytest.mark.parametrize(("signal", "member", "value"), cases(), ids=repr)
def test_a_member_that_breaks_its_schema_is_refused(signal: Signal, member: str, value: Any) -> None:
    body = encoded(signal, [record(signal), record(signal, **{member: value})])

    with pytest.raises(InvalidBatch) as refused:
        ingest.parse(signal, body)

    assert refused.value.code == "ingest_batch_malformed"


@pytest.mark.parametrize("signal", SIGNALS)
def test_required_members_are_those_of_the_document(signal: Signal) -> None:
    document = contract()
    if document is None:
        pytest.skip("the contract's document is not beside the checkout")
    required = document["components"]["schemas"][SCHEMAS[signal]]["required"]
    whole = record(signal)

    assert set(required) == set(whole)
    for name in required:
        partial = {each: value for each, value in whole.items() if each != name}
        with pytest.raises(InvalidBatch):
            ingest.parse(signal, encoded(signal, [partial]))


@pytest.mark.parametrize(
    ("signal", "member"), [("metrics", "group"), ("logs", "severity"), ("audit", "source")], ids=lambda value: value
)
def test_closed_sets_are_those_of_the_document(signal: Signal, member: str) -> None:
    document = contract()
    if document is None:
        pytest.skip("the contract's document is not beside the checkout")
    allowed = document["components"]["schemas"][SCHEMAS[signal]]["properties"][member]["enum"]

    parsed = ingest.parse(signal, encoded(signal, [record(signal, **{member: value}) for value in allowed]))

    assert [getattr(each, member) for each in parsed] == allowed


def test_unknown_members_are_dropped() -> None:
    (parsed,) = ingest.parse("logs", encoded("logs", [record("logs", email="a@b.example")]))

    assert not hasattr(parsed, "email")


@pytest.mark.parametrize("value", [0, -1, 1.5, 1e308, 5e-324, 10**300])
def test_any_number_is_a_value(value: float) -> None:
    (parsed,) = ingest.parse("metrics", encoded("metrics", [record("metrics", value=value)]))

    assert cast(MetricSample, parsed).value == float(value)


@pytest.mark.parametrize(
    ("signal", "body"),
    [
        ("metrics", b""),
        ("metrics", b"[]"),
        ("metrics", b"{}"),
        ("metrics", b"null"),
        ("metrics", b"[1]"),
        ("metrics", b"[" * 100_000),
        ("metrics", b'[{"name": "\xff"}]'),
        ("logs", b""),
        ("logs", b"\n\n"),
        ("logs", b"[]"),
        ("logs", b"null\n"),
        ("logs", json.dumps([record("logs")]).encode()),
        ("logs", encoded("logs", [record("logs")]).replace(b",", b",\n")),
        ("logs", encoded("logs", [record("logs")]).strip() + encoded("logs", [record("logs")])),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_a_body_of_another_shape_is_refused(signal: Signal, body: bytes) -> None:
    with pytest.raises(InvalidBatch) as refused:
        ingest.parse(signal, body)

    assert refused.value.code == "ingest_batch_malformed"


def test_the_message_names_the_line() -> None:
    with pytest.raises(InvalidBatch, match="line 3: "):
        ingest.parse("audit", encoded("audit", [record("audit")]) + b"\n{}\n")
