"""The gates of the query operations, and what becomes of a backend's answers."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from urllib.parse import parse_qs

import httpx
import pytest

from tests.support.actors import new_domain, refusal
from tests.support.control_plane import DOMAINS
from tests.support.enrolment import Site
from tests.support.recording_backend import RecordingBackend
from tests.support.telemetry import Rig, query_logs, query_metrics

Query = Callable[..., httpx.Response]
QUERIES = pytest.mark.parametrize(
    ("query", "kind"), [(query_metrics, "metrics"), (query_logs, "logs")], ids=["metrics", "logs"]
)


def backend_of(rig: Rig, kind: str) -> RecordingBackend:
    return rig.mimir if kind == "metrics" else rig.loki


@QUERIES
def test_the_answer_is_passed_on_verbatim(
    rig: Rig, operator: httpx.Client, site: Site, query: Query, kind: str
) -> None:
    backend = backend_of(rig, kind)
    backend.answer(200, b'{"status":  "success", "data": {"result": []}, "\xc3\xa9": 1}')
    before = len(backend.received)

    answer = query(operator, site.domain_id, "the {expression}", node_id=str(uuid.uuid4()))

    assert answer.json() == {"status_code": 200, "body": '{"status":  "success", "data": {"result": []}, "é": 1}'}
    asked = next(each for each in backend.wait_for(before + 1)[before:] if "query" in each.path)
    headers = {name.lower(): value for name, value in asked.headers.items()}
    sent = parse_qs(asked.path.partition("?")[2] or asked.body.decode())
    assert headers["x-scope-orgid"] == site.domain_id
    assert sent["query"] == ["the {expression}"]
    assert "node_id" not in sent


@QUERIES
def test_the_tenant_is_not_the_callers_to_choose(
    rig: Rig, operator: httpx.Client, site: Site, query: Query, kind: str
) -> None:
    backend = backend_of(rig, kind)
    backend.answer(200, b"{}")
    operator.headers["X-Scope-OrgID"] = DOMAINS["beta-llc"]
    before = len(backend.received)
    try:
        query(operator, site.domain_id, "up")
    finally:
        del operator.headers["X-Scope-OrgID"]

    asked = [each for each in backend.wait_for(before + 1)[before:] if "query" in each.path]
    headers = [(name, value) for name, value in asked[0].headers.items() if name.lower() == "x-scope-orgid"]
    assert [value for _, value in headers] == [site.domain_id]


@QUERIES
@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, (400, "query_invalid")),
        (422, (400, "query_invalid")),
        (404, (502, "query_upstream_unavailable")),
        (405, (502, "query_upstream_unavailable")),
        (429, (502, "query_upstream_unavailable")),
        (500, (502, "query_upstream_unavailable")),
        (503, (502, "query_upstream_unavailable")),
        (302, (502, "query_upstream_unavailable")),
    ],
)
def test_a_failure_of_the_backend_is_mapped(
    rig: Rig, operator: httpx.Client, site: Site, query: Query, kind: str, status: int, expected: tuple[int, str]
) -> None:
    backend_of(rig, kind).answer(status, b"parse error at char 3")

    answer = query(operator, site.domain_id, "up")

    assert refusal(answer) == expected
    assert ("parse error at char 3" in answer.json()["detail"]) == (expected[0] == 400)


@QUERIES
def test_a_result_has_a_largest_size(rig: Rig, operator: httpx.Client, site: Site, query: Query, kind: str) -> None:
    backend_of(rig, kind).answer(200, b"x" * (16 * 1024 * 1024 + 1))

    assert refusal(query(operator, site.domain_id, "up")) == (400, "query_invalid")


@QUERIES
def test_gates_come_before_the_backend(rig: Rig, operator: httpx.Client, site: Site, query: Query, kind: str) -> None:
    backend = backend_of(rig, kind)
    gone = new_domain(operator)["id"]
    operator.delete(f"/v1/domains/{gone}").raise_for_status()
    before = [each for each in backend.received if "query" in each.path]
    with rig.plane.client("beta-llc") as stranger, rig.plane.client(None) as nobody:
        answers = [
            query(nobody, site.domain_id, "up"),
            query(operator, "x", "up"),
            query(stranger, site.domain_id, ""),
            query(stranger, str(uuid.uuid4()), "up"),
            query(operator, gone, ""),
            query(operator, site.domain_id, ""),
            query(operator, site.domain_id, "x" * 4097),
            query(operator, site.domain_id, "up", start="2026-01-01T00:00:00Z", end="2026-02-02T00:00:00Z", step="1m"),
        ]

    assert [refusal(each) for each in answers] == [
        (401, "unauthenticated"),
        (400, "invalid_domain_id"),
        (403, "permission_denied"),
        (403, "permission_denied"),
        (404, "domain_not_found"),
        (400, "query_invalid"),
        (400, "query_invalid"),
        (400, "query_range_invalid"),
    ]
    assert [each for each in backend.received if "query" in each.path] == before


@QUERIES
def test_a_query_is_audited(rig: Rig, operator: httpx.Client, site: Site, query: Query, kind: str) -> None:
    backend_of(rig, kind).answer(200, b"{}")
    granted = query(operator, site.domain_id, "up")
    with rig.plane.client("beta-llc") as stranger:
        refused = query(stranger, site.domain_id, "up")

    rows = [
        rig.plane.sql(
            "SELECT chain_id::text, relation, reason, object_id FROM plexsphere.audit_entries"
            " WHERE correlation_id = %s",
            each.headers["x-correlation-id"],
        )
        for each in (granted, refused)
    ]
    assert rows == [
        [(site.domain_id, f"{kind}.query", "granted", site.domain_id)],
        [(site.domain_id, f"{kind}.query", "insufficient_relation", site.domain_id)],
    ]
