"""Reads, patches and deletions of one Project."""

from __future__ import annotations

import uuid
from ipaddress import ip_network
from typing import Any

import httpx
import pytest

from tests.support.actors import (
    at_once,
    client_of,
    events,
    new_node,
    new_project,
    new_user,
    refusal,
)
from tests.support.control_plane import UNKNOWN_ID, Plane
from tests.support.projects import quarters

# ---- get, patch, delete ----------------------------------------------------------------


def test_a_project_of_others_and_one_that_never_was_look_alike(beta: httpx.Client, project: dict[str, Any]) -> None:
    for id_ in (project["id"], str(uuid.uuid4())):
        path = f"/v1/projects/{id_}"
        answers = [beta.get(path), beta.patch(path, json={"name": "New"}), beta.delete(path)]
        assert {refusal(answer) for answer in answers} == {(403, "permission_denied")}


def test_roles_of_a_project(plane: Plane, project: dict[str, Any]) -> None:
    path = f"/v1/projects/{project['id']}"
    viewer_id = new_user(plane, project["domain_id"], ("viewer", f"project:{project['id']}"))
    with client_of(plane, viewer_id) as viewer:
        assert viewer.get(path).json() == project
        assert refusal(viewer.patch(path, json={"name": "New"})) == (403, "permission_denied")
        assert refusal(viewer.delete(path)) == (403, "permission_denied")
    admin_id = new_user(plane, project["domain_id"], ("admin", f"project:{project['id']}"))
    with client_of(plane, admin_id) as admin:
        assert admin.patch(path, json={"name": "New"}).json()["name"] == "New"


def test_a_patch_changes_what_it_names(plane: Plane, acme: httpx.Client, domain: dict[str, Any]) -> None:
    first, second, *_ = quarters(domain)
    project = new_project(acme, domain["id"], sub_range_cidr=first, description="stays")

    patched = acme.patch(f"/v1/projects/{project['id']}", json={"name": "New", "sub_range_cidr": second}).json()

    assert patched == {**project, "name": "New", "sub_range_cidr": second, "updated_at": patched["updated_at"]}
    assert patched["updated_at"] > project["updated_at"]
    assert events(plane, project["id"]) == ["ProjectCreated", "ProjectUpdated"]


def test_a_released_sub_range_is_free_for_others(acme: httpx.Client, domain: dict[str, Any]) -> None:
    first = quarters(domain)[0]
    project = new_project(acme, domain["id"], sub_range_cidr=first)

    patched = acme.patch(f"/v1/projects/{project['id']}", json={"release_sub_range": True})

    assert "sub_range_cidr" not in patched.json()
    assert new_project(acme, domain["id"], sub_range_cidr=first)["sub_range_cidr"] == first


@pytest.mark.parametrize(
    ("patch", "status", "code"),
    [
        ({}, 400, "empty_patch"),
        ({"release_sub_range": False}, 400, "empty_patch"),
        ({"slug": "web"}, 400, "slug_immutable"),
        ({"name": ""}, 400, "invalid_project"),
        ({"description": "\n"}, 400, "invalid_project"),
        ({"sub_range_cidr": "10.0.0.1/24"}, 400, "invalid_project"),
        ({"sub_range_cidr": "10.0.0.0/24"}, 400, "invalid_project"),
        ({"sub_range_cidr": None}, 400, "invalid_body"),
        ({"release_sub_range": "yes"}, 400, "invalid_body"),
        ({"domain_id": UNKNOWN_ID}, 400, "invalid_body"),
        ({"sub_range_cidr": "fd00::/64", "release_sub_range": True}, 422, "sub_range_invalidates_allocation"),
    ],
    ids=str,
)
def test_a_patch_that_breaks_a_rule_changes_nothing(
    plane: Plane, acme: httpx.Client, project: dict[str, Any], patch: dict[str, object], status: int, code: str
) -> None:
    assert refusal(acme.patch(f"/v1/projects/{project['id']}", json=patch)) == (status, code)

    assert acme.get(f"/v1/projects/{project['id']}").json() == project
    assert events(plane, project["id"]) == ["ProjectCreated"]


def test_a_sub_range_is_not_moved_onto_a_sibling(acme: httpx.Client, domain: dict[str, Any]) -> None:
    first, second, *_ = quarters(domain)
    sibling = new_project(acme, domain["id"], sub_range_cidr=first)
    project = new_project(acme, domain["id"], sub_range_cidr=second)

    patched = acme.patch(f"/v1/projects/{project['id']}", json={"sub_range_cidr": first})

    assert refusal(patched) == (409, "sub_range_overlap")
    assert sibling["id"] not in patched.text, "who patches a Project may not read its siblings"


def test_a_sub_range_may_grow_around_itself(acme: httpx.Client, domain: dict[str, Any]) -> None:
    project = new_project(acme, domain["id"], sub_range_cidr=quarters(domain)[0])

    patched = acme.patch(f"/v1/projects/{project['id']}", json={"sub_range_cidr": domain["mesh_cidr"]})

    assert patched.json()["sub_range_cidr"] == domain["mesh_cidr"]


def test_a_sub_range_keeps_the_nodes_inside(plane: Plane, acme: httpx.Client, domain: dict[str, Any]) -> None:
    first, second, *_ = quarters(domain)
    project = new_project(acme, domain["id"], sub_range_cidr=first)
    address = str(ip_network(first)[5])
    new_node(plane, acme, project, address)

    patched = acme.patch(f"/v1/projects/{project['id']}", json={"sub_range_cidr": second})

    assert refusal(patched) == (422, "sub_range_invalidates_allocation")
    for fact in (address, project["id"], second):
        assert fact in patched.json()["detail"]


def test_an_empty_project_is_deleted(plane: Plane, acme: httpx.Client, project: dict[str, Any]) -> None:
    path = f"/v1/projects/{project['id']}"

    deleted = acme.delete(path)

    assert (deleted.status_code, deleted.content) == (204, b"")
    assert refusal(acme.get(path)) == (404, "project_not_found")
    assert refusal(acme.patch(path, json={"name": "New"})) == (404, "project_not_found")
    assert refusal(acme.delete(path)) == (404, "project_not_found")
    assert events(plane, project["id"]) == ["ProjectCreated", "ProjectDeleted"]


def test_a_project_that_holds_something_stays(plane: Plane, acme: httpx.Client, domain: dict[str, Any]) -> None:
    project = new_project(acme, domain["id"])
    new_node(plane, acme, project, str(ip_network(domain["mesh_cidr"])[1]))
    resource = {"origin": "adopted", "kind": "vm"}
    assert acme.post(f"/v1/projects/{project['id']}/resources", json=resource).status_code == 201

    refused = acme.delete(f"/v1/projects/{project['id']}")

    assert refusal(refused) == (409, "project_not_empty")
    assert refused.json()["project_child_counts"] == {"resources": 2, "nodes": 1, "relation_tuples": 0}


def test_of_a_delete_and_a_resource_at_once_never_both(acme: httpx.Client, domain: dict[str, Any]) -> None:
    for _ in range(5):
        path = f"/v1/projects/{new_project(acme, domain['id'])['id']}"

        answers = at_once(
            acme, [("DELETE", path, {}), ("POST", f"{path}/resources", {"origin": "adopted", "kind": "vm"})]
        )

        assert [answer.status_code for answer in answers] in ([204, 404], [409, 201])


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_an_id_that_is_no_uuid(acme: httpx.Client, method: str) -> None:
    answer = acme.request(method, "/v1/projects/x", json={"name": "New"})

    assert refusal(answer) == (400, "invalid_project_id")
