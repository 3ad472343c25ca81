from __future__ import annotations

import uuid

import httpx
import pytest

from tests.support.actors import (
    at_once,
    binding_of,
    client_of,
    events,
    new_domain,
    new_user,
    refusal,
    relations,
    walk,
)
from tests.support.control_plane import UNKNOWN_ID, Plane, unique

PATH = "/v1/admin/groups"


@pytest.fixture
def domain(acme: httpx.Client) -> str:
    return str(new_domain(acme)["id"])


def group_of(domain: str, **members: object) -> dict[str, object]:
    return {"domain_id": domain, "slug": unique(), "display_name": "Ops", "source": "manual", **members}


def test_a_created_group(plane: Plane, acme: httpx.Client, domain: str) -> None:
    body = group_of(domain, display_name=" Ops ")

    created = acme.post(PATH, json=body)

    group = created.json()
    assert created.status_code == 201
    assert created.headers["location"] == f"{PATH}/{group['id']}"
    assert group == {
        **body,
        "id": group["id"],
        "display_name": "Ops",
        "created_at": group["created_at"],
        "updated_at": group["created_at"],
    }
    assert acme.get(created.headers["location"]).json() == group
    assert events(plane, group["id"]) == ["GroupCreated"]
    assert relations(plane, domain, object_id=group["id"]) == [("group.read", "granted")]


def test_a_group_of_an_idp(acme: httpx.Client, domain: str) -> None:
    binding = acme.post("/v1/admin/idp", json=binding_of(domain)).json()
    source = {"source": "idp", "idp_binding_id": binding["id"], "idp_claim_value": "Ops Team"}

    assert source.items() <= acme.post(PATH, json=group_of(domain, **source)).json().items()


def test_the_binding_of_a_group_is_its_domains(acme: httpx.Client, domain: str) -> None:
    foreign = acme.post("/v1/admin/idp", json=binding_of(new_domain(acme)["id"])).json()["id"]
    for binding_id in (foreign, str(uuid.uuid4())):
        source = {"source": "idp", "idp_binding_id": binding_id, "idp_claim_value": "ops"}
        assert refusal(acme.post(PATH, json=group_of(domain, **source))) == (400, "invalid_group")


@pytest.mark.parametrize("slug", ["a", "0", "a--b", "s" * 64])
def test_slugs_that_groups_may_have(acme: httpx.Client, domain: str, slug: str) -> None:
    assert acme.post(PATH, json=group_of(domain, slug=slug)).json()["slug"] == slug


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"slug": ""}, "invalid_group"),
        ({"slug": "-a"}, "invalid_group"),
        ({"slug": "a-"}, "invalid_group"),
        ({"slug": "A"}, "invalid_group"),
        ({"slug": "s" * 65}, "invalid_group"),
        ({"slug": "a\n"}, "invalid_group"),
        ({"display_name": " "}, "invalid_group"),
        ({"display_name": "d" * 129}, "invalid_group"),
        ({"idp_binding_id": UNKNOWN_ID}, "invalid_group"),
        ({"idp_claim_value": "ops"}, "invalid_group"),
        ({"source": "idp"}, "invalid_group"),
        ({"source": "idp", "idp_claim_value": "ops"}, "invalid_group"),
        ({"source": "idp", "idp_binding_id": UNKNOWN_ID}, "invalid_group"),
        ({"source": "idp", "idp_binding_id": UNKNOWN_ID, "idp_claim_value": ""}, "invalid_group"),
        ({"source": "ldap"}, "invalid_body"),
        ({"domain_id": "x"}, "invalid_body"),
        ({"members": []}, "invalid_body"),
    ],
    ids=str,
)
def test_a_group_that_breaks_a_rule(acme: httpx.Client, domain: str, members: dict[str, object], code: str) -> None:
    assert refusal(acme.post(PATH, json=group_of(domain, **members))) == (400, code)


def test_of_groups_with_one_slug_at_once_one_wins(acme: httpx.Client, domain: str) -> None:
    body = group_of(domain)

    answers = at_once(acme, [("POST", PATH, body)] * 6)

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 5
    assert {answer.json().get("code") for answer in answers} == {None, "group_slug_conflict"}
    assert acme.post(PATH, json={**body, "domain_id": new_domain(acme)["id"]}).status_code == 201


def test_a_deleted_domain_is_a_missing_parent(acme: httpx.Client, domain: str) -> None:
    acme.delete(f"/v1/domains/{domain}")

    assert refusal(acme.post(PATH, json=group_of(domain))) == (409, "parent_domain_missing")


def test_pages_are_in_the_order_of_slugs(acme: httpx.Client, beta: httpx.Client, domain: str) -> None:
    acme.post(PATH, json=group_of(new_domain(acme)["id"]))
    slugs = sorted(acme.post(PATH, json=group_of(domain)).json()["slug"] for _ in range(3))

    assert [each["slug"] for each in walk(acme, PATH, limit=1, domain_id=domain)] == slugs


def test_the_list_needs_its_domain(acme: httpx.Client) -> None:
    for params in ({}, {"domain_id": ""}, {"domain_id": "x"}):
        assert refusal(acme.get(PATH, params=params)) == (400, "invalid_domain_id")


def test_who_may(plane: Plane, acme: httpx.Client, beta: httpx.Client, domain: str) -> None:
    group = acme.post(PATH, json=group_of(domain)).json()
    with client_of(plane, new_user(plane, domain, ("member", f"domain:{domain}"))) as member:
        assert member.get(f"{PATH}/{group['id']}").json() == group
        assert member.get(PATH, params={"domain_id": domain}).json() == {"items": [group]}
        assert refusal(member.post(PATH, json=group_of(domain))) == (403, "permission_denied")
    answers = [beta.get(f"{PATH}/{id_}") for id_ in (group["id"], uuid.uuid4())]
    answers += [beta.get(PATH, params={"domain_id": domain}), beta.post(PATH, json=group_of(domain))]
    assert {refusal(answer) for answer in answers} == {(403, "permission_denied")}


def test_an_id_that_is_no_uuid(acme: httpx.Client) -> None:
    assert refusal(acme.get(f"{PATH}/x")) == (400, "invalid_group_id")
