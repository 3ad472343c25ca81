"""Patches and deletions of Domains."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import httpx
import pytest

from tests.support.actors import (
    at_once,
    binding_of,
    client_of,
    events,
    new_domain,
    new_node,
    new_project,
    new_user,
    refusal,
)
from tests.support.control_plane import UNKNOWN_ID, Plane, ula

# ---- patch -----------------------------------------------------------------------------


def test_a_patch_changes_what_it_names(plane: Plane, acme: httpx.Client, domain: dict[str, Any]) -> None:
    mesh_cidr, policy = ula(), {"heartbeat_interval": "10s", "stale_after": "30s", "unreachable_after": "60s"}
    change = {"name": "New", "description": "told", "region": "eu-2", "mesh_cidr": mesh_cidr, "reachability": policy}

    patched = acme.patch(f"/v1/domains/{domain['id']}", json=change)

    assert patched.status_code == 200
    assert patched.json() == {**domain, **change, "updated_at": patched.json()["updated_at"]}
    assert patched.json()["updated_at"] > domain["updated_at"]
    assert events(plane, domain["id"]) == ["DomainCreated", "DomainUpdated"]


def test_a_patch_leaves_the_rest(acme: httpx.Client) -> None:
    domain = new_domain(acme, description="stays", region="eu-1")

    patched = acme.patch(f"/v1/domains/{domain['id']}", json={"name": "New"}).json()

    assert patched == {**domain, "name": "New", "updated_at": patched["updated_at"]}


def test_an_empty_description_clears_it(acme: httpx.Client) -> None:
    domain = new_domain(acme, description="goes")

    assert acme.patch(f"/v1/domains/{domain['id']}", json={"description": ""}).json()["description"] == ""


@pytest.mark.parametrize(
    ("patch", "code"),
    [
        ({}, "empty_patch"),
        ({"slug": "other"}, "slug_immutable"),
        ({"slug": None}, "slug_immutable"),
        ({"slug": {"a": [1]}, "name": "New"}, "slug_immutable"),
        ({"name": " "}, "invalid_domain"),
        ({"description": " "}, "invalid_domain"),
        ({"region": "No Kebab"}, "invalid_domain"),
        ({"mesh_cidr": "10.0.0.1/8"}, "invalid_domain"),
        ({"reachability": {"heartbeat_interval": "30s"}}, "invalid_reachability_policy"),
        ({"name": None}, "invalid_body"),
        ({"region": None}, "invalid_body"),
        ({"id": UNKNOWN_ID}, "invalid_body"),
    ],
    ids=str,
)
def test_a_patch_that_breaks_a_rule_changes_nothing(
    plane: Plane, acme: httpx.Client, domain: dict[str, Any], patch: dict[str, object], code: str
) -> None:
    assert refusal(acme.patch(f"/v1/domains/{domain['id']}", json=patch)) == (400, code)

    assert acme.get(f"/v1/domains/{domain['id']}").json() == domain
    assert events(plane, domain["id"]) == ["DomainCreated"]


def test_even_the_same_slug_is_immutable(acme: httpx.Client, domain: dict[str, Any]) -> None:
    patched = acme.patch(f"/v1/domains/{domain['id']}", json={"slug": domain["slug"]})

    assert refusal(patched) == (400, "slug_immutable")


def test_who_reads_a_domain_may_not_patch_or_delete_it(plane: Plane, domain: dict[str, Any]) -> None:
    path = f"/v1/domains/{domain['id']}"
    user_id = new_user(plane, domain["id"], ("member", f"domain:{domain['id']}"))
    with client_of(plane, user_id) as member:
        assert member.get(path).status_code == 200
        assert refusal(member.patch(path, json={"name": "New"})) == (403, "permission_denied")
        assert refusal(member.delete(path)) == (403, "permission_denied")


def test_a_range_is_not_moved_onto_another(acme: httpx.Client, domain: dict[str, Any]) -> None:
    other = new_domain(acme)

    patched = acme.patch(f"/v1/domains/{domain['id']}", json={"mesh_cidr": other["mesh_cidr"]})

    assert refusal(patched) == (409, "mesh_cidr_overlap")


def test_a_range_may_grow_and_shrink_in_place(acme: httpx.Client, domain: dict[str, Any]) -> None:
    half = str(next(ip_network(domain["mesh_cidr"]).subnets()))

    for mesh_cidr in (half, domain["mesh_cidr"]):
        patched = acme.patch(f"/v1/domains/{domain['id']}", json={"mesh_cidr": mesh_cidr})
        assert patched.json()["mesh_cidr"] == mesh_cidr


def test_a_range_keeps_the_sub_ranges_inside(acme: httpx.Client, domain: dict[str, Any]) -> None:
    first, second = ip_network(domain["mesh_cidr"]).subnets()
    project = new_project(acme, domain["id"], sub_range_cidr=str(second))

    patched = acme.patch(f"/v1/domains/{domain['id']}", json={"mesh_cidr": str(first)})

    assert refusal(patched) == (422, "mesh_cidr_invalidates_subrange")
    assert project["id"] in patched.json()["detail"]
    assert acme.patch(f"/v1/domains/{domain['id']}", json={"mesh_cidr": str(second)}).status_code == 200


def test_a_range_keeps_the_addresses_of_nodes_inside(plane: Plane, acme: httpx.Client, domain: dict[str, Any]) -> None:
    first, second = ip_network(domain["mesh_cidr"]).subnets()
    project = new_project(acme, domain["id"])
    new_node(plane, acme, project, str(second[9]))

    patched = acme.patch(f"/v1/domains/{domain['id']}", json={"mesh_cidr": str(first)})

    assert refusal(patched) == (422, "mesh_cidr_invalidates_subrange")
    assert str(second[9]) in patched.json()["detail"]


# ---- delete ----------------------------------------------------------------------------


def test_an_empty_domain_is_deleted(plane: Plane, acme: httpx.Client, domain: dict[str, Any]) -> None:
    path = f"/v1/domains/{domain['id']}"

    deleted = acme.delete(path)

    assert (deleted.status_code, deleted.content) == (204, b"")
    assert refusal(acme.get(path)) == (404, "domain_not_found")
    assert refusal(acme.patch(path, json={"name": "New"})) == (404, "domain_not_found")
    assert refusal(acme.delete(path)) == (404, "domain_not_found")
    assert events(plane, domain["id"]) == ["DomainCreated", "DomainDeleted"]


def test_its_slug_and_range_are_free_again(acme: httpx.Client, domain: dict[str, Any]) -> None:
    acme.delete(f"/v1/domains/{domain['id']}")

    again = new_domain(acme, slug=domain["slug"], mesh_cidr=domain["mesh_cidr"])

    assert again["id"] != domain["id"]


def test_a_domain_that_holds_something_stays(plane: Plane, acme: httpx.Client, domain: dict[str, Any]) -> None:
    domain_id = domain["id"]
    new_node(plane, acme, new_project(acme, domain_id), str(ip_network(domain["mesh_cidr"])[1]))
    new_project(acme, domain_id)
    new_user(plane, domain_id)
    group = {"domain_id": domain_id, "slug": "g", "display_name": "G", "source": "manual"}
    assert acme.post("/v1/admin/groups", json=group).status_code == 201
    assert acme.post("/v1/admin/idp", json=binding_of(domain_id)).status_code == 201

    refused = acme.delete(f"/v1/domains/{domain_id}")

    assert refusal(refused) == (409, "domain_not_empty")
    assert refused.json()["child_counts"] == {
        "projects": 2,
        "groups": 1,
        "identities": 1,
        "idp_bindings": 1,
        "nodes": 1,
    }
    assert acme.get(f"/v1/domains/{domain_id}").status_code == 200


def test_what_does_not_count_goes_with_the_domain(plane: Plane, acme: httpx.Client, domain: dict[str, Any]) -> None:
    binding = acme.post("/v1/admin/idp", json=binding_of(domain["id"])).json()
    assert acme.delete(f"/v1/admin/idp/{binding['id']}").status_code == 204
    label = {
        "scope": "domain",
        "scope_id": domain["id"],
        "local_key": "env",
        "value_schema": {"kind": "boolean"},
        "applicable_kinds": ["node"],
    }
    assert acme.post("/v1/label-definitions", json=label).status_code == 201

    assert acme.delete(f"/v1/domains/{domain['id']}").status_code == 204
    assert plane.sql("SELECT 1 FROM plexsphere.label_definitions WHERE scope_id = %s", domain["id"]) == []
    assert plane.sql("SELECT 1 FROM plexsphere.idp_bindings WHERE domain_id = %s", domain["id"]) == []


def test_of_a_delete_and_a_project_at_once_never_both(plane: Plane, acme: httpx.Client) -> None:
    for _ in range(5):
        domain = new_domain(acme)
        project = {"domain_id": domain["id"], "name": "P", "slug": "p"}

        answers = at_once(acme, [("DELETE", f"/v1/domains/{domain['id']}", {}), ("POST", "/v1/projects", project)])

        assert sorted(answer.status_code for answer in answers) in ([201, 409], [204, 409])
        codes = {answer.json()["code"] for answer in answers if answer.status_code == 409}
        assert codes <= {"domain_not_empty", "parent_domain_missing"}
