"""Lists of label definitions, filtered by permission."""

from __future__ import annotations

import uuid
from typing import Any

import httpx
import pytest

from tests.support.actors import (
    client_of,
    new_project,
    new_user,
    refusal,
    walk,
)
from tests.support.control_plane import DOMAINS, UNKNOWN_ID, Plane
from tests.support.labels import label

PATH = "/v1/label-definitions"


# ---- read ------------------------------------------------------------------------------


def test_a_list_is_of_one_scope_in_the_order_of_keys(acme: httpx.Client, domain: dict[str, Any]) -> None:
    project = new_project(acme, domain["id"])
    acme.post(PATH, json=label("project", project["id"]))
    keys = sorted(acme.post(PATH, json=label("domain", domain["id"])).json()["local_key"] for _ in range(3))

    items = walk(acme, PATH, limit=1, scope=f"domain:{domain['id']}")

    assert [each["local_key"] for each in items] == keys
    assert len(walk(acme, PATH, scope=f"project:{project['id']}")) == 1


def test_the_words_of_the_platform_are_every_tenants(acme: httpx.Client, beta: httpx.Client) -> None:
    definition = acme.post(PATH, json=label()).json()

    assert definition in walk(beta, PATH, limit=200, scope="platform")
    assert beta.get(f"{PATH}/{definition['id']}").json() == definition


@pytest.mark.parametrize(
    "scope",
    [
        None,
        "",
        "galaxy",
        "platform:",
        "domain",
        "domain:",
        "domain:x",
        f"domain:{uuid.UUID(int=0)}",
        f"node:{UNKNOWN_ID}",
    ],
)
def test_a_scope_that_is_none(acme: httpx.Client, scope: str | None) -> None:
    params = {} if scope is None else {"scope": scope}

    assert refusal(acme.get(PATH, params=params)) == (400, "invalid_scope")


def test_the_list_of_a_foreign_scope(beta: httpx.Client, domain: dict[str, Any]) -> None:
    for scope in (f"domain:{domain['id']}", f"domain:{uuid.uuid4()}", f"project:{uuid.uuid4()}"):
        assert refusal(beta.get(PATH, params={"scope": scope})) == (403, "permission_denied")


def test_what_is_not_visible_is_not_found(
    plane: Plane, acme: httpx.Client, beta: httpx.Client, domain: dict[str, Any]
) -> None:
    definition = acme.post(PATH, json=label("domain", domain["id"])).json()

    for id_ in (definition["id"], uuid.uuid4()):
        assert refusal(beta.get(f"{PATH}/{id_}")) == (404, "label_definition_not_found")
    with client_of(plane, new_user(plane, domain["id"], ("member", f"domain:{domain['id']}"))) as member:
        assert member.get(f"{PATH}/{definition['id']}").json() == definition


def test_an_id_that_is_no_uuid(acme: httpx.Client) -> None:
    assert refusal(acme.get(f"{PATH}/x")) == (400, "invalid_label_definition_id")


def test_the_runbooks_list_calls_answer_the_seeded_admin(acme: httpx.Client) -> None:
    domain = DOMAINS["acme-corp"]

    for scope in ("platform", f"domain:{domain}"):
        assert acme.get(PATH, params={"scope": scope}).status_code == 200
    assert acme.get("/v1/admin/groups", params={"domain_id": domain}).json() == {"items": []}
