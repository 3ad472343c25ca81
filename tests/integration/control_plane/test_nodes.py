from __future__ import annotations

import base64
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.support.control_plane import DOMAINS, unique
from tests.support.enrolment import CHECKSUM, Agent, Site


@pytest.fixture
def node(site: Site) -> Agent:
    return site.node()


def refused(response: httpx.Response, status: int, code: str) -> None:
    assert (response.status_code, response.json()["code"]) == (status, code), response.text


# ---- list ----------------------------------------------------------------------------------


def test_nodes_of_a_domain_oldest_first(site: Site) -> None:
    ids = [site.node().id for _ in range(3)]

    first = site.admin.get("/v1/nodes", params={"domain_id": site.domain_id, "limit": 2}).json()
    second = site.admin.get("/v1/nodes", params={"domain_id": site.domain_id, "cursor": first["next_cursor"]}).json()

    assert [each["id"] for each in first["items"] + second["items"]] == ids
    assert "next_cursor" not in second
    assert set(first["items"][0]) == {"id", "domain_id", "created_at"}


def test_a_fresh_domain_has_none(acme: httpx.Client) -> None:
    assert acme.get("/v1/nodes", params={"domain_id": DOMAINS["acme-corp"]}).json() == {"items": []}


def test_others_nodes_are_left_out(site: Site, node: Agent, beta: httpx.Client) -> None:
    assert beta.get("/v1/nodes", params={"domain_id": site.domain_id}).json() == {"items": []}


def test_a_cursor_is_for_its_caller_and_its_filter(site: Site, beta: httpx.Client) -> None:
    site.node()
    site.node()
    query = {"domain_id": site.domain_id, "limit": "1"}
    query["cursor"] = site.admin.get("/v1/nodes", params=query).json()["next_cursor"]

    refused(beta.get("/v1/nodes", params=query), 403, "cursor_binding_mismatch")
    refused(site.admin.get("/v1/nodes", params={"cursor": query["cursor"]}), 400, "invalid_cursor")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"domain_id": "x"}, "invalid_domain_filter"),
        ({"domain_id": str(uuid.UUID(int=0))}, "invalid_domain_filter"),
        ({"limit": "0"}, "invalid_limit"),
        ({"limit": "201"}, "invalid_limit"),
        ({"limit": "\u0661"}, "invalid_limit"),
        ({"cursor": "AAAA"}, "invalid_cursor"),
    ],
)
def test_bad_queries(acme: httpx.Client, query: dict[str, str], code: str) -> None:
    refused(acme.get("/v1/nodes", params=query), 400, code)


# ---- heartbeat ------------------------------------------------------------------------------


def test_a_heartbeat_makes_a_node_healthy(site: Site, node: Agent) -> None:
    before = node.reachability().json()

    response = node.heartbeat()
    after = node.reachability().json()

    assert response.status_code == 200
    accepted = response.json()
    assert {**accepted, "accepted_at": None} == {"accepted_at": None, "reconcile": False, "rotate_keys": False}
    assert before["state"] == "unreachable"
    assert "last_heartbeat_at" not in before
    assert after == {
        "state": "healthy",
        "changed_at": accepted["accepted_at"],
        "last_heartbeat_at": accepted["accepted_at"],
    }
    assert [(each["from"], each["to"], each["reason"]) for each in site.events("NodeReachabilityChanged")] == [
        ("unreachable", "healthy", "heartbeat_received")
    ]


def test_the_next_heartbeat_changes_no_state(site: Site, node: Agent) -> None:
    node.heartbeat()
    first = node.reachability().json()

    node.heartbeat()
    second = node.reachability().json()

    assert second["changed_at"] == first["changed_at"]
    assert second["last_heartbeat_at"] > first["last_heartbeat_at"]
    assert len(site.events("NodeReachabilityChanged")) == 1
    assert len(site.audit("node_reachability.transition")) == 1


@pytest.mark.parametrize("seconds", [-59, 59])
def test_a_clock_may_be_a_minute_off(node: Agent, seconds: int) -> None:
    assert node.heartbeat(skew=timedelta(seconds=seconds)).status_code == 200


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"client_now": "2000-01-01T00:00:00Z"}, "clock_skew"),
        ({"client_now": "0001-01-01T00:00:00+23:59"}, "clock_skew"),
        ({"client_now": "9999-12-31T23:59:59-23:59"}, "clock_skew"),
        ({"client_now": "2000-01-01T00:00:00Z", "binary_checksum": "", "binary_version": ""}, "clock_skew"),
        ({"binary_checksum": ...}, "binary_checksum_empty"),
        ({"binary_checksum": "", "binary_version": ""}, "binary_checksum_empty"),
        ({"binary_checksum": bytes(range(32)).hex()}, "binary_checksum_empty"),
        ({"binary_checksum": base64.b64encode(bytes(31)).decode()}, "binary_checksum_empty"),
        ({"binary_checksum": "é" * 44}, "binary_checksum_empty"),
        ({"binary_version": ...}, "binary_version_empty"),
        ({"binary_version": " \t"}, "binary_version_empty"),
        ({"binary_version": "v" * 4097}, "malformed_heartbeat_request"),
        ({"nat_summary": ...}, "malformed_heartbeat_request"),
        ({"nat_summary": None}, "malformed_heartbeat_request"),
        ({"nat_summary": []}, "malformed_heartbeat_request"),
        ({"client_now": ...}, "malformed_heartbeat_request"),
        ({"client_now": "2026-04-27T10:15:30"}, "malformed_heartbeat_request"),
        ({"client_now": 1e300}, "malformed_heartbeat_request"),
        ({"uptime": 3}, "malformed_heartbeat_request"),
    ],
)
def test_what_a_heartbeat_must_say(node: Agent, members: dict[str, Any], code: str) -> None:
    refused(node.heartbeat(**members), 400, code)
    assert node.reachability().json()["state"] == "unreachable"


@pytest.mark.parametrize("content", [b"", b"null", b"{", b'{"nat_summary":{"a":' + b"[" * 4000, b"\xff"])
def test_bodies_that_are_none(node: Agent, content: bytes) -> None:
    response = node.client.post(f"/v1/nodes/{node.id}/heartbeat", content=content, headers=node.headers)

    refused(response, 400, "malformed_heartbeat_request")


def test_who_may_send_it(site: Site, node: Agent) -> None:
    other = site.node()
    body = {"client_now": datetime.now(UTC).isoformat(), "binary_checksum": CHECKSUM, "binary_version": "v"}
    url = f"/v1/nodes/{node.id}/heartbeat"

    refused(site.nobody.post(url, json=body), 401, "unauthorized")
    refused(site.nobody.post(url, json=body, headers={"Authorization": "Basic eDp5"}), 401, "unauthorized")
    refused(site.admin.post(url, json=body), 401, "nsk_invalid")
    refused(site.nobody.post(url, json=body, headers={"Authorization": "Bearer nsk_plexd_AAAA"}), 401, "nsk_invalid")
    mismatch = other.heartbeat(node_id=node.id)
    refused(mismatch, 403, "node_id_mismatch")
    assert mismatch.json()["reason"] == "insufficient_relation"
    refused(node.heartbeat(node_id="not-a-uuid"), 403, "node_id_mismatch")


def test_a_revoked_nsk(site: Site, node: Agent) -> None:
    site.plane.sql("UPDATE plexsphere.node_secret_keys SET revoked_at = now() WHERE node_id = %s", node.id)

    refused(node.heartbeat(), 401, "nsk_revoked")
    refused(node.reachability(), 401, "nsk_revoked")


# ---- who reads reachability -----------------------------------------------------------------


def test_the_domains_admin_and_the_node_itself(site: Site, node: Agent) -> None:
    assert site.read_reachability(node.id) == node.reachability().json()
    refused(node.reachability(node_id=site.node().id), 403, "node_id_mismatch")


def test_strangers_cannot_tell_whether_it_is_there(node: Agent, beta: httpx.Client) -> None:
    for node_id in (node.id, uuid.uuid4()):
        response = beta.get(f"/v1/nodes/{node_id}/reachability")
        refused(response, 403, "insufficient_relation")
        assert response.json()["reason"] == "insufficient_relation"


def test_a_node_that_is_gone(site: Site, node: Agent) -> None:
    site.plane.sql("DELETE FROM plexsphere.nodes WHERE id = %s", node.id)

    refused(site.admin.get(f"/v1/nodes/{node.id}/reachability"), 404, "node_not_found")
    refused(node.heartbeat(), 401, "nsk_invalid")


def test_a_bad_node_id(acme: httpx.Client) -> None:
    refused(acme.get("/v1/nodes/1/reachability"), 400, "invalid_node_id")


# ---- topology --------------------------------------------------------------------------------


def test_every_pair_is_an_edge_each_way(site: Site) -> None:
    nodes = [site.node() for _ in range(3)]
    for each in nodes[:2]:
        each.heartbeat()

    response = site.admin.get(f"/v1/domains/{site.domain_id}/mesh/topology")

    assert response.status_code == 200
    topology = response.json()
    assert topology["domain_id"] == site.domain_id
    assert topology["nodes"] == [
        {"node_id": each.id, "mesh_ip": each.mesh_ip, "reachability": "unreachable" if each is nodes[2] else "healthy"}
        for each in nodes
    ]
    edges = {(each["source_node_id"], each["target_node_id"]): each for each in topology["edges"]}
    assert set(edges) == {(a.id, b.id) for a in nodes for b in nodes if a is not b}
    assert edges[nodes[0].id, nodes[1].id]["status"] == "healthy"
    assert edges[nodes[0].id, nodes[2].id]["status"] == "unreachable"
    assert {(each["mode"], each["relay_node_id"]) for each in edges.values()} == {("direct", None)}


def test_topology_shows_what_silence_has_done(site: Site, node: Agent) -> None:
    node.heartbeat()
    site.age(node.id, 100)

    [shown] = site.admin.get(f"/v1/domains/{site.domain_id}/mesh/topology").json()["nodes"]

    assert shown["reachability"] == "stale"
    assert len(site.events("NodeReachabilityChanged")) == 2


def test_who_sees_the_topology(site: Site, acme: httpx.Client, beta: httpx.Client) -> None:
    for domain_id in (site.domain_id, uuid.uuid4()):
        refused(beta.get(f"/v1/domains/{domain_id}/mesh/topology"), 403, "permission_denied")
    refused(acme.get("/v1/domains/x/mesh/topology"), 400, "invalid_domain_id")


def test_the_topology_of_a_deleted_domain(acme: httpx.Client) -> None:
    body = {"name": "Gone", "slug": unique(), "mesh_cidr": "fd00:dead:beef::/48"}
    domain_id = acme.post("/v1/domains", json=body).json()["id"]
    assert acme.delete(f"/v1/domains/{domain_id}").status_code == 204

    refused(acme.get(f"/v1/domains/{domain_id}/mesh/topology"), 404, "domain_not_found")
