from __future__ import annotations

import base64
import hashlib
import uuid
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.support.control_plane import DOMAINS, UNKNOWN_ID, Plane, ula, unique

ACME, BETA = DOMAINS["acme-corp"], DOMAINS["beta-llc"]
ZEROS = "0" * 64


@pytest.fixture
def domain(acme: httpx.Client) -> str:
    """A Domain of its own, so that its chain holds only what the test did."""
    created = acme.post("/v1/domains", json={"name": "Audited", "slug": unique(), "mesh_cidr": ula()})
    assert created.status_code == 201, created.text
    return str(created.json()["id"])


@pytest.fixture
def chain(acme: httpx.Client, domain: str) -> str:
    """The path of that Domain's chain, with three reads of the Domain in it."""
    for _ in range(3):
        assert acme.get(f"/v1/domains/{domain}").status_code == 200
    return f"/v1/domains/{domain}/audit"


def test_every_read_is_an_entry_linked_to_the_one_before(acme: httpx.Client, chain: str) -> None:
    entries = acme.get(f"{chain}/entries").json()["items"]

    assert [entry["seq"] for entry in entries] == [1, 2, 3, 4]
    assert [entry["relation"] for entry in entries] == ["domain.read"] * 3 + ["audit.list"]
    assert entries[0]["prev_hash"] == ZEROS
    assert [entry["prev_hash"] for entry in entries[1:]] == [entry["entry_hash"] for entry in entries[:-1]]
    assert entries[0]["subject"]["pseudonym"] != ZEROS


def test_an_entry_proves_its_hash(acme: httpx.Client, chain: str) -> None:
    proof = acme.get(f"{chain}/entries/2").json()["proof"]

    canonical = hashlib.sha256(base64.b64decode(proof["canonical_bytes"])).digest()
    assert hashlib.sha256(bytes.fromhex(proof["prev_hash"]) + canonical).hexdigest() == proof["entry_hash"]


def test_pages_follow_the_cursor(acme: httpx.Client, chain: str) -> None:
    first = acme.get(f"{chain}/entries", params={"limit": 2}).json()
    second = acme.get(f"{chain}/entries", params={"limit": 200, "cursor": first["next_cursor"]}).json()

    assert [entry["seq"] for entry in first["items"]] == [1, 2]
    assert [entry["seq"] for entry in second["items"]] == [3, 4, 5]
    assert "next_cursor" not in second


def test_a_cursor_belongs_to_its_chain(acme: httpx.Client, chain: str) -> None:
    cursor = acme.get(f"{chain}/entries", params={"limit": 1}).json()["next_cursor"]

    other = acme.get(f"/v1/domains/{ACME}/audit/entries", params={"cursor": cursor})

    assert (other.status_code, other.json()["code"]) == (400, "invalid_cursor")


@pytest.mark.parametrize(
    ("name", "value", "count"),
    [
        ("relation", "domain.read", 3),
        ("relation", "project.read", 0),
        ("object_type", "domain", 4),
        ("object_id", UNKNOWN_ID, 0),
        ("reason", "granted", 4),
        ("reason", "insufficient_relation", 0),
        ("correlation_id", "nobody", 0),
        ("from", "2020-01-01T00:00:00Z", 4),
        ("from", "2120-01-01T00:00:00Z", 0),
        ("to", "2120-01-01T00:00:00+02:00", 4),
        ("to", "2020-01-01T00:00:00Z", 0),
        ("subject", ZEROS, 0),
    ],
)
def test_filters(acme: httpx.Client, chain: str, name: str, value: str, count: int) -> None:
    assert len(acme.get(f"{chain}/entries", params={name: value}).json()["items"]) == count


def test_filters_by_subject_and_correlation(acme: httpx.Client, chain: str) -> None:
    entry = acme.get(f"{chain}/entries").json()["items"][1]

    by_subject = acme.get(f"{chain}/entries", params={"subject": entry["subject"]["pseudonym"]}).json()["items"]
    by_correlation = acme.get(f"{chain}/entries", params={"correlation_id": entry["correlation_id"]}).json()["items"]

    assert len(by_subject) == 5
    assert [each["seq"] for each in by_correlation] == [2]


@pytest.mark.parametrize(
    "params",
    [
        {"subject": "ABC"},
        {"reason": "because"},
        {"from": "yesterday"},
        {"from": "2020-01-01T00:00:00"},
        {"from": "2021-01-01T00:00:00Z", "to": "2020-01-01T00:00:00Z"},
    ],
)
def test_bad_filters(acme: httpx.Client, chain: str, params: dict[str, str]) -> None:
    response = acme.get(f"{chain}/entries", params=params)

    assert (response.status_code, response.json()["code"]) == (400, "invalid_filter")


def test_who_is_no_auditor_gets_403_and_leaves_a_row(acme: httpx.Client, beta: httpx.Client, chain: str) -> None:
    refused = beta.get(f"{chain}/entries")

    assert (refused.status_code, refused.json()["code"]) == (403, "permission_denied")
    assert refused.json()["reason"] == "insufficient_relation"
    denials = acme.get(f"{chain}/entries", params={"reason": "insufficient_relation"}).json()["items"]
    assert [(each["relation"], each["correlation_id"]) for each in denials] == [
        ("audit.list", refused.headers["X-Correlation-Id"])
    ]


def test_a_single_entry_hides_its_existence(beta: httpx.Client, acme: httpx.Client, chain: str) -> None:
    for client, seq in ((beta, 1), (acme, 999)):
        response = client.get(f"{chain}/entries/{seq}")
        assert (response.status_code, response.json()["code"]) == (404, "audit_entry_not_found")


@pytest.mark.parametrize("seq", ["0", "-1", "x", "9" * 30, "\N{ARABIC-INDIC DIGIT ONE}"])
def test_bad_seq(acme: httpx.Client, chain: str, seq: str) -> None:
    assert acme.get(f"{chain}/entries/{seq}").status_code == 400


def test_an_untouched_chain_verifies(acme: httpx.Client, chain: str) -> None:
    assert acme.post(f"{chain}/verify").json() == {"ok": True, "segment_from": 1, "segment_to": 4}
    assert acme.post(f"{chain}/verify", json={"from_seq": 2, "to_seq": 3}).json() == {
        "ok": True,
        "segment_from": 2,
        "segment_to": 3,
    }


@pytest.mark.parametrize(
    ("tampering", "divergent"),
    [
        ("UPDATE plexsphere.audit_entries SET relation = 'domain.write' WHERE chain_id = %s AND seq = 2", 2),
        ("DELETE FROM plexsphere.audit_entries WHERE chain_id = %s AND seq = 3", 3),
        ("UPDATE plexsphere.audit_entries SET occurred_at = occurred_at + '1 us' WHERE chain_id = %s AND seq = 1", 1),
        ("UPDATE plexsphere.audit_entries SET entry_hash = prev_hash WHERE chain_id = %s AND seq = 3", 3),
    ],
)
def test_tampering_is_found_where_it_happened(
    plane: Plane, acme: httpx.Client, domain: str, chain: str, tampering: str, divergent: int
) -> None:
    plane.sql(tampering, domain)

    result = acme.post(f"{chain}/verify")

    assert result.status_code == 200
    assert result.json()["ok"] is False
    assert result.json()["divergent_seq"] == divergent
    assert result.json()["expected_hash"] != result.json()["observed_hash"]


def test_a_cut_tail_is_found(plane: Plane, acme: httpx.Client, domain: str, chain: str) -> None:
    newest = acme.get(f"{chain}/entries").json()["items"][-1]["seq"]
    plane.sql("DELETE FROM plexsphere.audit_entries WHERE chain_id = %s AND seq >= %s", domain, newest)

    assert acme.post(f"{chain}/verify").json()["divergent_seq"] == newest


@pytest.mark.parametrize("body", [{"from_seq": 0}, {"from_seq": 3, "to_seq": 2}, {"from_seq": -1}, {"to_seq": 2**70}])
def test_bad_segments(acme: httpx.Client, chain: str, body: dict[str, int]) -> None:
    assert acme.post(f"{chain}/verify", json=body).status_code == 400


def test_concurrent_reads_keep_the_chain_whole(plane: Plane, acme: httpx.Client, domain: str) -> None:
    with plane.client() as other, ThreadPoolExecutor(16) as pool:
        clients = [acme, other] * 40
        statuses = list(pool.map(lambda client: client.get(f"/v1/domains/{domain}").status_code, clients))

    assert statuses == [200] * 80
    assert acme.post(f"/v1/domains/{domain}/audit/verify").json() == {"ok": True, "segment_from": 1, "segment_to": 81}


def test_the_platform_has_a_chain_of_its_own(acme: httpx.Client, beta: httpx.Client, domain: str) -> None:
    entries = acme.get("/v1/platform/audit/entries", params={"relation": "domain.create", "limit": 200}).json()["items"]

    assert entries
    assert {entry["domain_id"] for entry in entries} == {str(uuid.UUID(int=0))}
    assert acme.post("/v1/platform/audit/verify").json()["ok"] is True
    assert beta.get("/v1/platform/audit/entries").status_code == 403
    assert beta.get("/v1/platform/audit/entries/1").status_code == 404
