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
    new_domain,
    new_project,
    new_user,
    refusal,
    relations,
    walk,
)
from tests.support.control_plane import Plane, unique
from tests.support.projects import quarters

# ---- create ----------------------------------------------------------------------------


def test_a_created_project(plane: Plane, acme: httpx.Client, domain: dict[str, Any]) -> None:
    body = {"domain_id": domain["id"], "name": " Web ", "slug": "web"}

    created = acme.post("/v1/projects", json=body)

    project = created.json()
    assert created.status_code == 201
    assert created.headers["location"] == f"/v1/projects/{project['id']}"
    assert project == {
        **body,
        "id": project["id"],
        "name": "Web",
        "description": "",
        "created_at": project["created_at"],
        "updated_at": project["created_at"],
    }
    assert acme.get(created.headers["location"]).json() == project
    assert events(plane, project["id"]) == ["ProjectCreated"]
    assert ("project.create", "granted") in relations(plane, domain["id"], object_id=domain["id"])
    assert relations(plane, domain["id"], object_id=project["id"]) == [("project.read", "granted")]


def test_a_slug_is_used_once_in_a_domain(acme: httpx.Client, project: dict[str, Any]) -> None:
    body = {"domain_id": project["domain_id"], "name": "Again", "slug": project["slug"]}

    assert refusal(acme.post("/v1/projects", json=body)) == (409, "project_slug_conflict")
    assert new_project(acme, new_domain(acme)["id"], slug=project["slug"])["slug"] == project["slug"]


def test_only_who_manages_the_domain_creates_in_it(plane: Plane, beta: httpx.Client, domain: dict[str, Any]) -> None:
    body = {"domain_id": domain["id"], "name": "Web", "slug": "web"}

    assert refusal(beta.post("/v1/projects", json=body)) == (403, "permission_denied")
    assert refusal(beta.post("/v1/projects", json={**body, "domain_id": str(uuid.uuid4())})) == (
        403,
        "permission_denied",
    )
    assert plane.sql("SELECT 1 FROM plexsphere.projects WHERE domain_id = %s", domain["id"]) == []


def test_a_deleted_domain_is_a_missing_parent(acme: httpx.Client, domain: dict[str, Any]) -> None:
    acme.delete(f"/v1/domains/{domain['id']}")

    answer = acme.post("/v1/projects", json={"domain_id": domain["id"], "name": "Web", "slug": "web"})

    assert refusal(answer) == (409, "parent_domain_missing")


@pytest.mark.parametrize(
    "members",
    [
        {"name": " "},
        {"name": "n" * 256},
        {"slug": "No"},
        {"slug": "s" * 65},
        {"description": " "},
        {"description": "d" * 1025},
        {"sub_range_cidr": "fd00::1/64"},
        {"sub_range_cidr": "everything"},
        {"sub_range_cidr": ""},
        {"sub_range_cidr": "10.0.0.0/24"},
        {"sub_range_cidr": "fd00::/8"},
    ],
    ids=str,
)
def test_a_value_that_breaks_a_rule_is_invalid(
    acme: httpx.Client, domain: dict[str, Any], members: dict[str, str]
) -> None:
    body = {"domain_id": domain["id"], "name": "Web", "slug": "web", **members}

    assert refusal(acme.post("/v1/projects", json=body)) == (400, "invalid_project")


@pytest.mark.parametrize(
    "members", [{"domain_id": "x"}, {"domain_id": 7}, {"name": None}, {"slug": ["a"]}, {"owner": "me"}], ids=str
)
def test_a_body_of_another_shape(acme: httpx.Client, domain: dict[str, Any], members: dict[str, object]) -> None:
    body = {"domain_id": domain["id"], "name": "Web", "slug": "web", **members}

    assert refusal(acme.post("/v1/projects", json=body)) == (400, "invalid_body")


def test_sub_ranges_do_not_overlap(acme: httpx.Client, domain: dict[str, Any]) -> None:
    first, second, *_ = quarters(domain)
    project = new_project(acme, domain["id"], sub_range_cidr=first)
    inside = str(next(ip_network(first).subnets()))

    for overlapping in (first, inside, domain["mesh_cidr"]):
        body = {"domain_id": domain["id"], "name": "Web", "slug": unique(), "sub_range_cidr": overlapping}
        refused = acme.post("/v1/projects", json=body)
        assert refusal(refused) == (409, "sub_range_overlap")
        assert project["id"] in refused.json()["detail"]
    assert new_project(acme, domain["id"], sub_range_cidr=second)["sub_range_cidr"] == second


def test_of_overlapping_sub_ranges_at_once_one_wins(plane: Plane, acme: httpx.Client, domain: dict[str, Any]) -> None:
    bodies = [
        {"domain_id": domain["id"], "name": "Web", "slug": unique(), "sub_range_cidr": domain["mesh_cidr"]}
        for _ in range(8)
    ]

    answers = at_once(acme, [("POST", "/v1/projects", body) for body in bodies])

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    assert len(plane.sql("SELECT 1 FROM plexsphere.projects WHERE domain_id = %s", domain["id"])) == 1


# ---- list ------------------------------------------------------------------------------


def test_the_filter_keeps_to_one_domain(acme: httpx.Client, domain: dict[str, Any]) -> None:
    new_project(acme, new_domain(acme)["id"])
    slugs = [new_project(acme, domain["id"])["slug"] for _ in range(3)]

    items = walk(acme, "/v1/projects", limit=2, domain_id=domain["id"])

    assert [each["slug"] for each in items] == sorted(slugs)


def test_the_same_slug_in_two_domains_is_listed_twice(
    plane: Plane, acme: httpx.Client, project: dict[str, Any]
) -> None:
    twin = new_project(acme, new_domain(acme)["id"], slug=project["slug"])
    ours = sorted([project["id"], twin["id"]])
    # Of all the projects that tests made, this user reads two: their pages are few.
    reader = new_user(plane, project["domain_id"], *(("viewer", f"project:{each}") for each in ours))

    with client_of(plane, reader) as client:
        ids = [each["id"] for each in walk(client, "/v1/projects", limit=1)]

    assert sorted(ids) == ours


def test_only_what_the_caller_reads_is_listed(
    plane: Plane, acme: httpx.Client, beta: httpx.Client, domain: dict[str, Any], project: dict[str, Any]
) -> None:
    new_project(acme, domain["id"])
    query = {"domain_id": domain["id"]}
    viewer_id = new_user(plane, domain["id"], ("viewer", f"project:{project['id']}"))

    with client_of(plane, viewer_id) as viewer:
        assert [each["id"] for each in walk(viewer, "/v1/projects", **query)] == [project["id"]]
    assert beta.get("/v1/projects", params=query).json() == {"items": [], "empty_reason": "no_rebac_membership"}
    assert acme.get("/v1/projects", params={"domain_id": str(uuid.uuid4())}).json() == {"items": []}


@pytest.mark.parametrize("value", ["", "x", str(uuid.UUID(int=0)), "acme-corp"])
def test_a_filter_that_is_no_uuid(acme: httpx.Client, value: str) -> None:
    assert refusal(acme.get("/v1/projects", params={"domain_id": value})) == (400, "invalid_domain_filter")


def test_a_cursor_is_of_its_filter_and_its_caller(
    acme: httpx.Client, beta: httpx.Client, domain: dict[str, Any]
) -> None:
    for _ in range(2):
        new_project(acme, domain["id"])
    cursor = acme.get("/v1/projects", params={"domain_id": domain["id"], "limit": 1}).json()["next_cursor"]

    unfiltered = acme.get("/v1/projects", params={"cursor": cursor})
    foreign = beta.get("/v1/projects", params={"cursor": cursor, "domain_id": domain["id"]})

    assert refusal(unfiltered) == (400, "invalid_cursor")
    assert refusal(foreign) == (403, "cursor_binding_mismatch")
