from __future__ import annotations

import base64
import os
import uuid
from ipaddress import ip_address, ip_network
from typing import Any

import httpx
import pytest

from tests.support.enrolment import Site, public_key
from tests.support.registrations import refused, untouched

# ---- the answer to a registration ----------------------------------------------------


def test_a_node_spends_its_token_and_gets_all_it_needs(site: Site) -> None:
    token, handle, key = site.issue(), site.resource(), public_key()

    response = site.register(token["token"], handle, public_key=key)

    assert response.status_code == 201, response.text
    registered = response.json()
    assert set(registered) == {
        "node_id", "mesh_ip", "signing_public_key", "signing_key_id", "nsk", "peer_snapshot", "domain_mesh_cidr",
    }  # fmt: skip
    assert registered["domain_mesh_cidr"] == site.mesh_cidr
    assert ip_address(registered["mesh_ip"]) == ip_network(site.mesh_cidr)[1]
    assert registered["peer_snapshot"] == []
    assert len(base64.b64decode(registered["nsk"])) == 32
    assert len(base64.b64decode(registered["signing_public_key"])) == 32
    assert "consumed_at" in site.metadata(token["token_id"])
    assert [event["id"] for event in site.events("NodeRegistered")] == [registered["node_id"]]
    assert [row["object"]["id"] for row in site.audit("node.register")] == [registered["node_id"]]


def test_the_next_node_is_told_of_those_before_it(site: Site) -> None:
    first_key = public_key()
    first = site.register(site.issue()["token"], site.resource(), public_key=first_key).json()

    second = site.register(site.issue()["token"], site.resource()).json()

    assert second["peer_snapshot"] == [
        {"node_id": first["node_id"], "mesh_ip": first["mesh_ip"], "public_key": first_key}
    ]
    assert second["mesh_ip"] != first["mesh_ip"]
    assert second["signing_key_id"] == first["signing_key_id"]


def test_neither_secret_is_kept(site: Site) -> None:
    registered = site.register(site.issue()["token"], site.resource()).json()
    nsk = base64.b64decode(registered["nsk"])

    rows = site.plane.sql(
        "SELECT k.secret_hash FROM plexsphere.node_secret_keys k WHERE node_id = %s", registered["node_id"]
    )
    assert len(rows) == 1
    assert rows[0][0] != nsk
    assert len(rows[0][0]) == 32


def test_the_override_names_the_resource(site: Site) -> None:
    handle = site.resource()

    refused(site.register(site.issue()["token"], "node-12"), 404, "resource_not_found")
    assert site.register(site.issue()["token"], "node-12", requested_resource_id=handle).status_code == 201


def test_an_authorization_header_changes_nothing(site: Site) -> None:
    body = {
        "project_id": site.project_id,
        "resource_handle": site.resource(),
        "bootstrap_token": site.issue()["token"],
        "nonce": "n",
        "public_key": public_key(),
    }

    response = site.nobody.post("/v1/register", json=body, headers={"Authorization": "Bearer psk_nonsense"})

    assert response.status_code == 201


# ---- refusals, none of which spends the token ------------------------------------------


@pytest.mark.parametrize(
    "key",
    [
        ...,
        "",
        "short",
        base64.b64encode(bytes(32)).decode(),
        base64.b64encode(b"x" * 31).decode(),
        base64.b64encode(b"x" * 33).decode(),
        "é" * 44,
        "*" * 43 + "=",
        "x" * 43 + "=" + "\n",
    ],
)
def test_a_bad_public_key_comes_before_everything(site: Site, key: Any) -> None:
    token = site.issue()

    refused(site.register(token["token"], "", public_key=key, nonce=""), 400, "public_key_invalid")
    assert untouched(site, token)


@pytest.mark.parametrize(
    "members",
    [
        {"resource_handle": ""},
        {"resource_handle": "  "},
        {"resource_handle": ...},
        {"resource_handle": "x" * 4097},
        {"nonce": ""},
        {"nonce": ...},
        {"bootstrap_token": ""},
        {"project_id": str(uuid.UUID(int=0))},
        {"project_id": "' OR 1=1 --"},
        {"project_id": ...},
        {"requested_resource_id": "x" * 4097},
    ],
)
def test_invariants(site: Site, members: dict[str, Any]) -> None:
    token, handle = site.issue(), site.resource()

    refused(site.register(token["token"], handle, **members), 422, "invariant_violation")
    assert untouched(site, token)


def test_a_token_that_was_never_issued(site: Site) -> None:
    token = site.issue()["token"]
    head, _, random = token.rpartition("_")
    other_random = f"{random[:10]}{random[10:][::-1]}"

    for text in ("psb_dev_x_node_y", f"{token}!", token.upper(), f"{head}_{other_random}", token.replace("dev", "de")):
        refused(site.register(text, site.resource()), 422, "bootstrap_token_invalid")


def test_a_bridge_token(site: Site) -> None:
    token = site.issue(kind="bridge")

    refused(site.register(token["token"], site.resource()), 403, "kind_mismatch")
    assert untouched(site, token)


def test_a_token_of_another_project(site: Site) -> None:
    token = site.issue()

    refused(site.project().register(token["token"], site.resource()), 403, "project_mismatch")
    assert untouched(site, token)


def test_a_spent_token(site: Site) -> None:
    token = site.issue()
    assert site.register(token["token"], site.resource()).status_code == 201

    refused(site.register(token["token"], site.resource()), 403, "token_consumed")


def test_a_revoked_token(site: Site) -> None:
    token = site.issue()
    site.admin.delete(f"{site.tokens_url}/{token['token_id']}")

    refused(site.register(token["token"], site.resource()), 403, "token_revoked")
    assert untouched(site, token)


def test_an_expired_token(site: Site) -> None:
    token = site.issue()
    site.plane.sql("UPDATE plexsphere.bootstrap_tokens SET expires_at = now() WHERE id = %s", token["token_id"])

    refused(site.register(token["token"], site.resource()), 403, "token_expired")
    assert untouched(site, token)


def test_a_nonce_is_good_once_in_a_project(site: Site) -> None:
    nonce = os.urandom(2048).hex()  # as long as one may be, and longer than an index entry
    token = site.issue()
    assert site.register(site.issue()["token"], site.resource(), nonce=nonce).status_code == 201

    refused(site.register(token["token"], site.resource(), nonce=nonce), 403, "nonce_collision")
    assert untouched(site, token)
    elsewhere = site.project()
    assert elsewhere.register(elsewhere.issue()["token"], elsewhere.resource(), nonce=nonce).status_code == 201


def test_an_unknown_handle(site: Site) -> None:
    token = site.issue()
    of_another = site.project().resource()

    for handle in ("nowhere", "'; DROP TABLE plexsphere.nodes --", of_another):
        refused(site.register(token["token"], handle), 404, "resource_not_found")
    assert untouched(site, token)
    assert site.register(token["token"], site.resource()).status_code == 201


def test_a_resource_has_one_node(site: Site) -> None:
    handle, token = site.resource(), site.issue()
    assert site.register(site.issue()["token"], handle).status_code == 201

    refused(site.register(token["token"], handle), 409, "resource_already_registered")
    assert untouched(site, token)


@pytest.mark.parametrize(
    "content", [b"", b"null", b"{", b'{"project_id":1}', b'{"a":1}', b"[" * 5000, b'{"nonce":"\\u0000"}', b"\xff\xfe"]
)
def test_bodies_that_are_none(nobody: httpx.Client, content: bytes) -> None:
    refused(nobody.post("/v1/register", content=content), 400, "invalid_body")
