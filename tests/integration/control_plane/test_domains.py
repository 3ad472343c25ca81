from __future__ import annotations

import uuid
from ipaddress import ip_network
from typing import Any

import httpx
import pytest

from tests.support.actors import (
    at_once,
    events,
    new_domain,
    refusal,
)
from tests.support.control_plane import Plane, ula, unique

PLATFORM_CHAIN = str(uuid.UUID(int=0))
DEFAULT_POLICY = {"heartbeat_interval": "30s", "stale_after": "90s", "unreachable_after": "300s"}


# ---- create ----------------------------------------------------------------------------


def test_a_created_domain_has_defaults_and_an_address(acme: httpx.Client) -> None:
    slug, mesh_cidr = unique(), ula()

    created = acme.post("/v1/domains", json={"name": "  Nova  ", "slug": slug, "mesh_cidr": mesh_cidr})

    domain = created.json()
    assert created.status_code == 201
    assert created.headers["location"] == f"/v1/domains/{domain['id']}"
    assert uuid.UUID(domain["id"]).version == 7
    assert domain == {
        "id": domain["id"],
        "name": "Nova",
        "slug": slug,
        "description": "",
        "mesh_cidr": mesh_cidr,
        "reachability": DEFAULT_POLICY,
        "created_at": domain["created_at"],
        "updated_at": domain["created_at"],
    }
    assert acme.get(created.headers["location"]).json() == domain


def test_every_member_of_a_domain_is_kept(acme: httpx.Client) -> None:
    policy = {"heartbeat_interval": "10s", "stale_after": "30s", "unreachable_after": "1m"}

    domain = new_domain(acme, description="for tests", region="eu-1", reachability=policy)

    assert (domain["description"], domain["region"]) == ("for tests", "eu-1")
    assert domain["reachability"] == {**policy, "unreachable_after": "60s"}


def test_the_creator_becomes_admin_and_auditor(plane: Plane, acme: httpx.Client, domain: dict[str, Any]) -> None:
    assert acme.patch(f"/v1/domains/{domain['id']}", json={"name": "Mine"}).status_code == 200
    assert acme.get(f"/v1/domains/{domain['id']}/audit/entries").status_code == 200


def test_creating_is_one_event_and_one_audit_row(plane: Plane, domain: dict[str, Any]) -> None:
    assert events(plane, domain["id"]) == ["DomainCreated"]
    ((domain_id, payload),) = plane.sql(
        "SELECT domain_id::text, payload FROM plexsphere.outbox_events WHERE aggregate_id = %s", domain["id"]
    )
    assert (domain_id, payload["slug"]) == (domain["id"], domain["slug"])
    (relation,) = plane.sql(
        "SELECT relation FROM plexsphere.audit_entries WHERE chain_id = %s AND correlation_id = %s",
        PLATFORM_CHAIN,
        payload["correlation_id"],
    )
    assert relation == ("domain.create",)


def test_only_a_platform_operator_creates_domains(plane: Plane, beta: httpx.Client) -> None:
    body = {"name": "Nova", "slug": unique(), "mesh_cidr": ula()}

    refused = beta.post("/v1/domains", json=body)

    assert refusal(refused) == (403, "permission_denied")
    assert refused.json()["reason"] == "insufficient_relation"
    assert plane.sql("SELECT 1 FROM plexsphere.domains WHERE slug = %s", body["slug"]) == []


@pytest.mark.parametrize(
    "members",
    [
        {"name": ""},
        {"name": " \t "},
        {"name": "n" * 256},
        {"slug": ""},
        {"slug": "Upper"},
        {"slug": "two--dashes"},
        {"slug": "-lead"},
        {"slug": "trail-"},
        {"slug": "s" * 65},
        {"slug": "új"},
        {"slug": "line\n"},
        {"description": "   "},
        {"description": "d" * 1025},
        {"region": "EU"},
        {"region": ""},
        {"region": "r" * 65},
        {"mesh_cidr": ""},
        {"mesh_cidr": "10.0.0.0"},
        {"mesh_cidr": "10.0.0.1/8"},
        {"mesh_cidr": "10.0.0.0/33"},
        {"mesh_cidr": "10.0.0.0/255.0.0.0"},
        {"mesh_cidr": "fd00::1/64"},
        {"mesh_cidr": "fd00::%eth0/64"},
        {"mesh_cidr": "fd00::/129"},
        {"mesh_cidr": "\uff110.0.0.0/8"},
        {"mesh_cidr": "10.0.0.0/8; DROP TABLE plexsphere.domains"},
    ],
    ids=str,
)
def test_a_value_that_breaks_a_rule_is_invalid(acme: httpx.Client, members: dict[str, str]) -> None:
    body = {"name": "Nova", "slug": unique(), "mesh_cidr": ula(), **members}

    assert refusal(acme.post("/v1/domains", json=body)) == (400, "invalid_domain")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"name": "Nova", "slug": "nova"}',
        b'{"name": 1, "slug": "nova", "mesh_cidr": "fd00::/48"}',
        b'{"name": null, "slug": "nova", "mesh_cidr": "fd00::/48"}',
        b'{"name": "N\\u0000va", "slug": "nova", "mesh_cidr": "fd00::/48"}',
        b'{"name": "N\\ud800va", "slug": "nova", "mesh_cidr": "fd00::/48"}',
        b'{"name": "N\xffva", "slug": "nova", "mesh_cidr": "fd00::/48"}',
        b'{"name": "Nova", "slug": "nova", "mesh_cidr": "fd00::/48", "colour": "red"}',
        b'{"name": "Nova", "slug": "nova", "mesh_cidr": "fd00::/48", "reachability": "30s"}',
        b'{"name": "Nova", "slug": "nova", "mesh_cidr": "fd00::/48", "reachability": {"stale_after": 90}}',
        b"[" * 8000,
    ],
    ids=lambda body: body[:60],
)
def test_a_body_of_another_shape_is_an_invalid_body(acme: httpx.Client, body: bytes) -> None:
    assert refusal(acme.post("/v1/domains", content=body)) == (400, "invalid_body")


@pytest.mark.parametrize(
    ("interval", "stale", "unreachable"),
    [
        ("30s", "", ""),
        ("30s", "90s", ""),
        ("", "90s", "300s"),
        ("30s", "0s", "300s"),
        ("9s", "90s", "300s"),
        ("1h1s", "1h", "1h"),
        ("30s", "89s", "300s"),
        ("10s", "1h1s", "2h"),
        ("30s", "90s", "179s"),
        ("10s", "30s", "1h1s"),
        ("20m", "1h", "1h"),
        ("30", "90", "300"),
        ("-30s", "90s", "300s"),
        ("30s ", "90s", "300s"),
        ("1m30", "5m", "10m"),
        ("٣0s", "90s", "300s"),
        ("9" * 17 + "s", "90s", "300s"),
        ("999999999999999h", "90s", "300s"),
        ("30s", "90s", "999999999999999h"),
        ("9.999999999s", "90s", "300s"),
        ("-1s", "-3s", "-6s"),
        ("1e1s", "90s", "300s"),
    ],
)
def test_a_policy_out_of_bounds_is_refused(acme: httpx.Client, interval: str, stale: str, unreachable: str) -> None:
    policy = {"heartbeat_interval": interval, "stale_after": stale, "unreachable_after": unreachable}
    body = {"name": "Nova", "slug": unique(), "mesh_cidr": ula(), "reachability": policy}

    assert refusal(acme.post("/v1/domains", json=body)) == (400, "invalid_reachability_policy")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (("10s", "30s", "60s"), ("10s", "30s", "60s")),
        (("10m", "30m", "1h"), ("600s", "1800s", "3600s")),
        (("1m30s", "5m", "10m"), ("90s", "300s", "600s")),
        (("1.5m", "270000ms", ".5h"), ("90s", "270s", "1800s")),
        (("10.5s", "31500001us", "1m3.000002s"), ("10.5s", "31.500001s", "63.000002s")),
        (("10.0000003s", "30.0000009s", "+1m0.0000018s"), ("10s", "30s", "60.000001s")),
        (("", "", ""), ("30s", "90s", "300s")),
        (("0", "-0", "0ns"), ("30s", "90s", "300s")),
        (("0s", "0s", "0s"), ("30s", "90s", "300s")),
    ],
)
def test_a_policy_at_its_bounds_is_kept(
    acme: httpx.Client, given: tuple[str, str, str], kept: tuple[str, str, str]
) -> None:
    names = ("heartbeat_interval", "stale_after", "unreachable_after")

    domain = new_domain(acme, reachability=dict(zip(names, given, strict=True)))

    assert domain["reachability"] == dict(zip(names, kept, strict=True))


def test_a_slug_is_used_once(plane: Plane, acme: httpx.Client, domain: dict[str, Any]) -> None:
    again = acme.post("/v1/domains", json={"name": "Again", "slug": domain["slug"], "mesh_cidr": ula()})

    assert refusal(again) == (409, "domain_slug_conflict")
    assert len(plane.sql("SELECT 1 FROM plexsphere.domains WHERE slug = %s", domain["slug"])) == 1


def test_ranges_do_not_overlap_from_within_or_around(acme: httpx.Client, domain: dict[str, Any]) -> None:
    own = ip_network(domain["mesh_cidr"])
    for overlapping in (own, own.supernet(), next(own.subnets())):
        body = {"name": "Again", "slug": unique(), "mesh_cidr": str(overlapping)}
        assert refusal(acme.post("/v1/domains", json=body)) == (409, "mesh_cidr_overlap")


def test_of_creates_at_once_with_one_slug_one_wins(plane: Plane, acme: httpx.Client) -> None:
    slug = unique()
    bodies = [{"name": "Nova", "slug": slug, "mesh_cidr": ula()} for _ in range(8)]

    answers = at_once(acme, [("POST", "/v1/domains", body) for body in bodies])

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    assert {answer.json().get("code") for answer in answers} == {None, "domain_slug_conflict"}
    assert len(plane.sql("SELECT 1 FROM plexsphere.outbox_events WHERE payload->>'slug' = %s", slug)) == 1


def test_of_creates_at_once_with_overlapping_ranges_one_wins(acme: httpx.Client) -> None:
    outer = ip_network(ula())
    ranges = [outer, *list(outer.subnets(prefixlen_diff=3))[:1] * 7]
    bodies = [{"name": "N", "slug": unique(), "mesh_cidr": str(each)} for each in ranges]

    answers = at_once(acme, [("POST", "/v1/domains", body) for body in bodies])

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    assert {answer.json().get("code") for answer in answers} == {None, "mesh_cidr_overlap"}
