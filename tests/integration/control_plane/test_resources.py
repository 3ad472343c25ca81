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
    relations,
    walk,
)
from tests.support.control_plane import UNKNOWN_ID, Plane

ADOPTED = {"origin": "adopted", "kind": "kubernetes-node"}


@pytest.fixture
def collection(project: dict[str, Any]) -> str:
    return f"/v1/projects/{project['id']}/resources"


def test_an_adopted_resource(plane: Plane, acme: httpx.Client, project: dict[str, Any], collection: str) -> None:
    created = acme.post(collection, json={**ADOPTED, "kind": " vm ", "external_ref": " edge-router-01 "})

    resource = created.json()
    assert created.status_code == 201
    assert created.headers["location"] == f"/v1/resources/{resource['id']}"
    assert resource == {
        "id": resource["id"],
        "project_id": project["id"],
        "domain_id": project["domain_id"],
        "kind": "vm",
        "origin": "adopted",
        "external_ref": "edge-router-01",
        "created_at": resource["created_at"],
        "updated_at": resource["created_at"],
    }
    assert acme.get(created.headers["location"]).json() == resource
    assert events(plane, resource["id"]) == ["ResourceCreated"]
    assert relations(plane, project["domain_id"], object_id=resource["id"]) == [("resource.read", "granted")]


def test_without_a_handle_the_member_is_absent(acme: httpx.Client, collection: str) -> None:
    assert "external_ref" not in acme.post(collection, json=ADOPTED).json()
    assert acme.post(collection, json=ADOPTED).status_code == 201


@pytest.mark.parametrize(
    "origin", [{}, {"origin": None}, {"origin": "Adopted"}, {"origin": 1}, {"origin": ["adopted"]}]
)
def test_an_origin_that_is_none(acme: httpx.Client, collection: str, origin: dict[str, object]) -> None:
    assert refusal(acme.post(collection, json={"kind": "vm", **origin})) == (400, "invalid_resource_origin")


@pytest.mark.parametrize(
    "members",
    [
        {"kind": ""},
        {"kind": " "},
        {"kind": "k" * 65},
        {"kind": 3},
        {"external_ref": ""},
        {"external_ref": " "},
        {"external_ref": "e" * 257},
        {"external_ref": None},
        {"blueprint_version_id": UNKNOWN_ID},
        {"cloud_credential_id": UNKNOWN_ID},
        {"parameters": {}},
        {"parameters": {"deep": {"er": [1]}}},
        {"handle": "edge"},
    ],
    ids=str,
)
def test_a_member_that_an_adopted_resource_cannot_have(
    acme: httpx.Client, collection: str, members: dict[str, object]
) -> None:
    assert refusal(acme.post(collection, json={**ADOPTED, **members})) == (400, "invalid_body")


def test_a_kind_is_needed(acme: httpx.Client, collection: str) -> None:
    assert refusal(acme.post(collection, json={"origin": "adopted"})) == (400, "invalid_body")


def test_no_blueprint_no_provisioned_resource(plane: Plane, acme: httpx.Client, collection: str) -> None:
    whole = {
        "origin": "provisioned",
        "kind": "vm",
        "blueprint_version_id": str(uuid.uuid4()),
        "cloud_credential_id": str(uuid.uuid4()),
        "parameters": {"size": "small"},
    }

    assert refusal(acme.post(collection, json=whole)) == (422, "blueprint_not_found")
    for missing in ("blueprint_version_id", "cloud_credential_id"):
        partial = {name: value for name, value in whole.items() if name != missing}
        assert refusal(acme.post(collection, json=partial)) == (400, "invalid_body")
    assert refusal(acme.post(collection, json={**whole, "external_ref": "mine"})) == (400, "invalid_body")
    assert acme.get(collection).json() == {"items": []}


def test_a_handle_is_used_once_in_a_project(acme: httpx.Client, domain: dict[str, Any], collection: str) -> None:
    body = {**ADOPTED, "external_ref": "edge"}

    answers = at_once(acme, [("POST", collection, body)] * 6)

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 5
    assert {answer.json().get("code") for answer in answers} == {None, "resource_external_ref_conflict"}
    elsewhere = f"/v1/projects/{new_project(acme, domain['id'])['id']}/resources"
    assert acme.post(elsewhere, json=body).status_code == 201


def test_the_project_decides_who_may(
    plane: Plane, acme: httpx.Client, project: dict[str, Any], collection: str
) -> None:
    resource = acme.post(collection, json=ADOPTED).json()
    path = f"/v1/resources/{resource['id']}"
    viewer_id = new_user(plane, project["domain_id"], ("viewer", f"project:{project['id']}"))
    with client_of(plane, viewer_id) as viewer:
        assert [each["id"] for each in walk(viewer, collection)] == [resource["id"]]
        assert viewer.get(path).json() == resource
        assert refusal(viewer.post(collection, json=ADOPTED)) == (403, "permission_denied")
        assert refusal(viewer.delete(path)) == (403, "permission_denied")
    maintainer_id = new_user(plane, project["domain_id"], ("maintainer", f"project:{project['id']}"))
    with client_of(plane, maintainer_id) as maintainer:
        assert maintainer.post(collection, json=ADOPTED).status_code == 201
        assert maintainer.delete(path).status_code == 204


def test_what_is_not_yours_and_what_never_was_look_alike(
    acme: httpx.Client, beta: httpx.Client, collection: str
) -> None:
    resource = acme.post(collection, json=ADOPTED).json()
    unknown = f"/v1/projects/{uuid.uuid4()}/resources"

    answers = [beta.get(path) for path in (collection, unknown)]
    answers += [beta.post(path, json=ADOPTED) for path in (collection, unknown)]
    for id_ in (resource["id"], str(uuid.uuid4())):
        answers += [beta.get(f"/v1/resources/{id_}"), beta.delete(f"/v1/resources/{id_}")]

    assert {refusal(answer) for answer in answers} == {(403, "permission_denied")}


def test_a_deleted_project_has_no_resources(acme: httpx.Client, project: dict[str, Any], collection: str) -> None:
    acme.delete(f"/v1/projects/{project['id']}")

    assert refusal(acme.post(collection, json=ADOPTED)) == (404, "project_not_found")


def test_pages_are_in_the_order_of_creation(acme: httpx.Client, collection: str) -> None:
    made = [acme.post(collection, json=ADOPTED).json()["id"] for _ in range(5)]

    assert [each["id"] for each in walk(acme, collection, limit=2)] == made


def test_a_cursor_is_of_its_project_and_its_caller(
    plane: Plane, acme: httpx.Client, domain: dict[str, Any], project: dict[str, Any], collection: str
) -> None:
    for _ in range(2):
        acme.post(collection, json=ADOPTED)
    cursor = acme.get(collection, params={"limit": 1}).json()["next_cursor"]
    elsewhere = f"/v1/projects/{new_project(acme, domain['id'])['id']}/resources"

    assert refusal(acme.get(elsewhere, params={"cursor": cursor})) == (400, "invalid_cursor")
    with client_of(plane, new_user(plane, domain["id"], ("viewer", f"project:{project['id']}"))) as viewer:
        foreign = viewer.get(collection, params={"cursor": cursor})
        assert refusal(foreign) == (403, "cursor_binding_mismatch")


def test_a_resource_is_deleted_once(plane: Plane, acme: httpx.Client, collection: str) -> None:
    resource = acme.post(collection, json=ADOPTED).json()
    path = f"/v1/resources/{resource['id']}"

    deleted = acme.delete(path)

    assert (deleted.status_code, deleted.content) == (204, b"")
    assert refusal(acme.get(path)) == (404, "resource_not_found")
    assert refusal(acme.delete(path)) == (404, "resource_not_found")
    assert events(plane, resource["id"]) == ["ResourceCreated", "ResourceDeleted"]


def test_a_resource_with_a_node_stays(
    plane: Plane, acme: httpx.Client, domain: dict[str, Any], project: dict[str, Any], collection: str
) -> None:
    new_node(plane, acme, project, str(ip_network(domain["mesh_cidr"])[1]))
    (resource,) = walk(acme, collection)

    assert refusal(acme.delete(f"/v1/resources/{resource['id']}")) == (409, "resource_in_use")


def test_ids_that_are_no_uuids(acme: httpx.Client) -> None:
    assert refusal(acme.post("/v1/projects/x/resources", json=ADOPTED)) == (400, "invalid_project_id")
    assert refusal(acme.get("/v1/projects/x/resources")) == (400, "invalid_project_id")
    assert refusal(acme.get("/v1/resources/x")) == (400, "invalid_resource_id")
    assert refusal(acme.delete("/v1/resources/x")) == (400, "invalid_resource_id")
