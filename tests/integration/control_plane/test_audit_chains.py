"""Audit rows of refusals and of deleted objects, and the caller's address in them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from tests.support.actors import new_domain, refusal
from tests.support.audit_cases import Objects
from tests.support.control_plane import Plane
from tests.support.enrolment import Site
from tests.support.second_api import second_api

PLATFORM_CHAIN: Final = str(uuid.UUID(int=0))
DEFINITION: Final = {"value_schema": {"kind": "boolean"}, "applicable_kinds": ["node"]}


ONE_DOMAIN, ONE_PROJECT = "domain:{domain}", "project:{project}"


# ---- a Domain's end -----------------------------------------------------------------------


def rows_about(plane: Plane, domain_id: str) -> list[tuple[str, str, str, dict[str, list[str]]]]:
    found = plane.sql(
        "SELECT chain_id::text, relation, reason, caveat_context FROM plexsphere.audit_entries"
        " WHERE object_id = %s ORDER BY occurred_at",
        domain_id,
    )
    labels = {PLATFORM_CHAIN: "platform", domain_id: "domain"}
    return [(labels[chain], relation, reason, context) for chain, relation, reason, context in found]


def test_a_domain_s_chain_ends_with_it(plane: Plane, acme: httpx.Client, beta: httpx.Client) -> None:
    domain = new_domain(acme)["id"]
    path = f"/v1/domains/{domain}"

    answers = [
        acme.get(path),
        beta.delete(path),
        acme.delete(path),
        acme.delete(path),
        acme.get(path),
        beta.get(path),
        acme.get(f"{path}/audit/entries"),
        acme.post("/v1/projects", json={"domain_id": domain, "name": "N", "slug": "s"}),
    ]

    assert [answer.status_code for answer in answers] == [200, 403, 204, 404, 404, 403, 404, 409]
    assert rows_about(plane, domain) == [
        ("domain", "domain.read", "granted", {}),
        ("domain", "domain.delete", "insufficient_relation", {}),
        ("platform", "domain.delete", "granted", {}),
        ("platform", "domain.delete", "granted", {"refused": ["domain_not_found"]}),
        ("platform", "domain.read", "granted", {}),
        ("platform", "domain.read", "insufficient_relation", {}),
        ("platform", "audit.list", "granted", {}),
        ("platform", "project.create", "granted", {"refused": ["parent_domain_missing"]}),
    ]
    assert acme.post("/v1/platform/audit/verify").json()["ok"] is True


def test_a_refused_domain_deletion_is_in_the_chain_of_the_domain(plane: Plane, site: Site) -> None:
    refused = site.admin.delete(f"/v1/domains/{site.domain_id}")

    assert refusal(refused) == (409, "domain_not_empty")
    assert rows_about(plane, site.domain_id)[-1] == (
        *("domain", "domain.delete", "granted"),
        {"refused": ["domain_not_empty"]},
    )
    assert site.admin.post(f"/v1/domains/{site.domain_id}/audit/verify").json()["ok"] is True


# ---- granted, and refused all the same ----------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"local_key": "plexsphere"}, 422, "reserved_key"),
        ({"value_schema": {"kind": "enum", "values": []}}, 422, "invalid_value_schema"),
        ({}, 409, "label_definition_conflict"),
    ],
    ids=["reserved", "schema", "duplicate"],
)
def test_a_label_that_is_refused_leaves_its_row(
    known: Objects, site: Site, changed: dict[str, Any], status: int, code: str
) -> None:
    body = {"scope": "domain", "scope_id": site.domain_id, "local_key": "twice", **DEFINITION}
    assert site.admin.post("/v1/label-definitions", json=body).status_code == 201

    answer = site.admin.post("/v1/label-definitions", json={**body, **changed})

    assert refusal(answer) == (status, code)
    assert known.rows(answer) == [("domain", "label_definition.create", "granted", f"domain:{site.domain_id}")]
    [row] = site.audit("label_definition.create")[-1:]
    assert row["decision"]["caveat_context"] == {"refused": [code]}


def test_another_users_token_is_audited_in_the_callers_domain(untouched: Objects, acme: httpx.Client) -> None:
    for method, path, action in (("DELETE", "", "revoke"), ("POST", "/rotate", "rotate")):
        token = str(uuid.uuid4())
        answer = acme.request(method, f"/v1/auth/tokens/{token}{path}")
        assert refusal(answer) == (404, "token_not_found")
        [(_, *row)] = untouched.rows(answer)
        assert row == [f"auth.token.{action}", "out_of_scope", f"api_token:{token}"]


# ---- registering --------------------------------------------------------------------------


def test_a_refused_registration_is_audited_if_its_token_is_known(known: Objects, site: Site) -> None:
    spent, handle = site.issue()["token"], site.resource()
    registered = site.register(spent, handle)
    again = site.register(spent, site.resource())
    nowhere = site.register(site.issue()["token"], "no-such-handle")
    forged = site.register(spent[:-1] + ("a" if spent[-1] != "a" else "b"), handle)

    node = f"node:{registered.json()['node_id']}"
    project = f"project:{site.project_id}"
    assert [answer.status_code for answer in (registered, again, nowhere, forged)] == [201, 403, 404, 422]
    assert known.rows(registered) == [("domain", "node.register", "granted", node)]
    assert known.rows(again) == [("domain", "node.register", "caveat_violation", project)]
    assert known.rows(nowhere) == [("domain", "node.register", "granted", project)]
    assert known.rows(forged) == []


# ---- from where ---------------------------------------------------------------------------


@pytest.fixture
def behind_a_proxy(plane: Plane, acme: httpx.Client, tmp_path: Path) -> Iterator[httpx.Client]:
    with second_api(plane, tmp_path, PLEXSPHERE_AUTH_TRUST_PROXY_HEADERS="true") as client:
        client.headers["Authorization"] = acme.headers["Authorization"]
        yield client


def address_of(plane: Plane, answer: httpx.Response) -> str:
    [(address,)] = plane.sql(
        "SELECT ip FROM plexsphere.audit_entries WHERE correlation_id = %s", answer.headers["x-correlation-id"]
    )
    return str(address)


def test_the_address_is_what_a_trusted_proxy_says(
    plane: Plane, acme: httpx.Client, behind_a_proxy: httpx.Client
) -> None:
    forwarded = {"X-Forwarded-For": "198.51.100.9, 203.0.113.7"}

    assert address_of(plane, behind_a_proxy.get("/v1/domains", headers=forwarded)) == "203.0.113.7"
    assert address_of(plane, behind_a_proxy.get("/v1/domains")) == "127.0.0.1"
    assert address_of(plane, acme.get("/v1/domains", headers=forwarded)) == "127.0.0.1"
