from __future__ import annotations

import base64
import os
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Network, ip_address, ip_network
from typing import Any

import httpx
import psycopg
import pytest

from tests.integration.control_plane.conftest import Plane, unique
from tests.integration.control_plane.enrolment import Site, bearer, new_site, public_key

MANY = 16


@pytest.fixture
def site(plane: Plane, acme: httpx.Client, nobody: httpx.Client) -> Site:
    return new_site(plane, acme, nobody)


def small_pool(prefix: int) -> str:
    """A random IPv4 block that no other Domain has."""
    block = IPv4Network((int.from_bytes(os.urandom(4), "big") & 0x003FFFFF | 0x64400000, 32))  # 100.64.0.0/10
    return str(block.supernet(new_prefix=prefix))


def refused(response: httpx.Response, status: int, code: str) -> None:
    assert (response.status_code, response.json()["code"]) == (status, code), response.text


def untouched(site: Site, token: dict[str, Any]) -> bool:
    """The token can still be spent."""
    return "consumed_at" not in site.metadata(token["token_id"])


# ---- what a Node gets ----------------------------------------------------------------


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


# ---- addresses ---------------------------------------------------------------------------


def test_an_exhausted_pool(plane: Plane, acme: httpx.Client, nobody: httpx.Client) -> None:
    site = new_site(plane, acme, nobody, mesh_cidr=small_pool(30))
    usable = [str(each) for each in ip_network(site.mesh_cidr).hosts()]

    assert [site.node().mesh_ip, site.node().mesh_ip] == usable
    token, handle = site.issue(), site.resource()
    refused(site.register(token["token"], handle), 503, "pool_exhausted")

    assert untouched(site, token)
    [(count,)] = plane.sql("SELECT count(*) FROM plexsphere.nodes WHERE domain_id = %s", site.domain_id)
    assert count == 2


def test_a_gap_is_filled_when_the_top_is_taken(plane: Plane, acme: httpx.Client, nobody: httpx.Client) -> None:
    site = new_site(plane, acme, nobody, mesh_cidr=small_pool(29))
    hosts = [str(each) for each in ip_network(site.mesh_cidr).hosts()]
    first = site.node()
    plane.sql("UPDATE plexsphere.nodes SET mesh_ip = %s WHERE id = %s", hosts[-1], first.id)

    assert [site.node().mesh_ip for _ in range(5)] == hosts[:-1]
    refused(site.register(site.issue()["token"], site.resource()), 503, "pool_exhausted")


def test_a_sub_range_is_for_its_project_alone(plane: Plane, acme: httpx.Client, nobody: httpx.Client) -> None:
    site = new_site(plane, acme, nobody, mesh_cidr=small_pool(28))
    lower, upper = ip_network(site.mesh_cidr).subnets(new_prefix=29)
    kept = site.project(sub_range_cidr=str(lower))

    inside = [kept.node().mesh_ip for _ in range(6)]
    token = kept.issue()
    refused(kept.register(token["token"], kept.resource()), 503, "subrange_exhausted")
    outside = [site.node().mesh_ip for _ in range(7)]

    assert inside == [str(each) for each in lower.hosts()]
    assert outside == [str(each) for each in list(upper)[:-1]]
    assert untouched(kept, token)
    refused(site.register(site.issue()["token"], site.resource()), 503, "pool_exhausted")


def test_placing_in_a_large_pool_reads_one_row(plane: Plane, acme: httpx.Client, nobody: httpx.Client) -> None:
    site = new_site(plane, acme, nobody)
    node = site.node()
    far = ip_network(site.mesh_cidr)[2**70]
    plane.sql("UPDATE plexsphere.nodes SET mesh_ip = %s WHERE id = %s", far, node.id)

    assert site.node().mesh_ip == str(far + 1)


# ---- many at once --------------------------------------------------------------------------


def at_once(jobs: list[Any]) -> list[httpx.Response]:
    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(lambda job: job(), jobs))


def test_as_many_tokens_as_nodes(site: Site) -> None:
    pairs = [(site.issue()["token"], site.resource()) for _ in range(MANY)]

    responses = at_once([lambda t=token, h=handle: site.register(t, h) for token, handle in pairs])

    assert [each.status_code for each in responses] == [201] * MANY
    registered = [each.json() for each in responses]
    addresses = {ip_address(each["mesh_ip"]) for each in registered}
    assert len(addresses) == MANY
    assert all(address in ip_network(site.mesh_cidr) for address in addresses)
    assert sorted(len(each["peer_snapshot"]) for each in registered) == list(range(MANY))
    assert site.admin.post(f"/v1/domains/{site.domain_id}/audit/verify", json={}).json()["ok"] is True


def test_one_token_for_many(site: Site) -> None:
    token = site.issue()["token"]
    handles = [site.resource() for _ in range(MANY)]

    responses = at_once([lambda h=handle: site.register(token, h) for handle in handles])

    codes = Counter(each.json().get("code", "registered") for each in responses)
    assert codes == {"registered": 1, "token_consumed": MANY - 1}
    assert len(site.events("NodeRegistered")) == 1


def test_one_resource_for_many(site: Site) -> None:
    handle = site.resource()
    tokens = [site.issue() for _ in range(MANY)]

    responses = at_once([lambda t=token["token"]: site.register(t, handle) for token in tokens])

    codes = Counter(each.json().get("code", "registered") for each in responses)
    assert codes == {"registered": 1, "resource_already_registered": MANY - 1}
    assert sum(untouched(site, token) for token in tokens) == MANY - 1


def test_one_nonce_for_many(site: Site) -> None:
    nonce = unique()
    pairs = [(site.issue()["token"], site.resource()) for _ in range(MANY)]

    responses = at_once([lambda t=token, h=handle: site.register(t, h, nonce=nonce) for token, handle in pairs])

    codes = Counter(each.json().get("code", "registered") for each in responses)
    assert codes == {"registered": 1, "nonce_collision": MANY - 1}


def test_an_allocator_that_is_held_up(site: Site) -> None:
    token, handle = site.issue(), site.resource()
    with psycopg.connect(site.plane.database_url) as holder:
        holder.execute("SELECT FROM plexsphere.domains WHERE id = %s FOR UPDATE", [site.domain_id])
        response = site.register(token["token"], handle)

    refused(response, 503, "allocator_contention")
    assert response.headers["retry-after"] == "1"
    assert untouched(site, token)


def test_the_nsk_is_the_nodes_credential(site: Site) -> None:
    registered = site.register(site.issue()["token"], site.resource()).json()
    url = f"/v1/nodes/{registered['node_id']}/reachability"

    as_node = site.nobody.get(url, headers={"Authorization": f"Bearer {bearer(registered)}"})
    raw = site.nobody.get(url, headers={"Authorization": f"Bearer {registered['nsk']}"})

    assert as_node.status_code == 200
    assert raw.status_code == 401


# ---- one key, one Node -----------------------------------------------------------------


def test_a_second_use_of_a_key_in_a_domain(site: Site) -> None:
    key, token, handle = public_key(), site.issue(), site.resource()
    site.register(site.issue()["token"], site.resource(), public_key=key).raise_for_status()

    refused(site.register(token["token"], handle, public_key=key), 422, "invariant_violation")

    assert "consumed_at" not in site.metadata(token["token_id"])
    assert site.register(token["token"], handle).status_code == 201


def test_another_spelling_of_a_key_is_the_same_key(site: Site) -> None:
    raw = bytes(31) + b"\x01"
    spellings = [base64.b64encode(raw).decode()]
    spellings.append(spellings[0].replace("E=", "F="))

    answers = [site.register(site.issue()["token"], site.resource(), public_key=each) for each in spellings]

    assert spellings[0] != spellings[1]
    assert [answer.status_code for answer in answers] == [201, 422]


def test_a_key_is_used_once_by_nodes_that_register_at_once(site: Site) -> None:
    key, other = public_key(), site.project()
    wanted = [(each, each.issue()["token"], each.resource()) for each in (site, other, site, other)]

    with ThreadPoolExecutor(len(wanted)) as pool:
        answers = list(pool.map(lambda each: each[0].register(each[1], each[2], public_key=key), wanted))

    assert sorted(answer.status_code for answer in answers) == [201, 422, 422, 422]


def test_a_key_may_be_used_in_another_domain(site: Site) -> None:
    key, elsewhere = public_key(), new_site(site.plane, site.admin, site.nobody)

    answers = [each.register(each.issue()["token"], each.resource(), public_key=key) for each in (site, elsewhere)]

    assert [answer.status_code for answer in answers] == [201, 201]


@pytest.mark.parametrize(
    "gone",
    [
        "UPDATE plexsphere.nodes SET lifecycle = 'deregistered' WHERE id = %s",
        "DELETE FROM plexsphere.nodes WHERE id = %s",
    ],
    ids=["deregistered", "deleted"],
)
def test_a_node_that_is_gone_does_not_hold_its_key(plane: Plane, site: Site, gone: str) -> None:
    key = public_key()
    first = site.register(site.issue()["token"], site.resource(), public_key=key).json()
    plane.sql(gone, first["node_id"])

    assert site.register(site.issue()["token"], site.resource(), public_key=key).status_code == 201
