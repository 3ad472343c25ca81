"""Addresses, keys and tokens of Nodes that register at the same time."""

from __future__ import annotations

import base64
import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Network, ip_address, ip_network
from typing import Any

import httpx
import psycopg
import pytest

from tests.support.control_plane import Plane, unique
from tests.support.enrolment import Site, bearer, new_site, public_key
from tests.support.registrations import refused, untouched

MANY = 16


def small_pool(prefix: int) -> str:
    """A random IPv4 block that no other Domain has."""
    block = IPv4Network((int.from_bytes(os.urandom(4), "big") & 0x003FFFFF | 0x64400000, 32))  # 100.64.0.0/10
    return str(block.supernet(new_prefix=prefix))


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
