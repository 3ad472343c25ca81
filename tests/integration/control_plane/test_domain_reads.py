"""Read permissions of Domains, and the pages of their list."""

from __future__ import annotations

import base64
import uuid
from typing import Any

import httpx
import pytest

from tests.support.actors import (
    client_of,
    new_domain,
    new_user,
    refusal,
    relations,
    walk,
)
from tests.support.control_plane import UNKNOWN_ID, Plane

# ---- get and list ----------------------------------------------------------------------


def test_a_domain_of_others_and_one_that_never_was_look_alike(beta: httpx.Client, domain: dict[str, Any]) -> None:
    foreign = beta.get(f"/v1/domains/{domain['id']}")
    unknown = beta.get(f"/v1/domains/{uuid.uuid4()}")

    assert refusal(foreign) == refusal(unknown) == (403, "permission_denied")
    volatile = ("instance", "correlation_id")
    assert {k: v for k, v in foreign.json().items() if k not in volatile} == {
        k: v for k, v in unknown.json().items() if k not in volatile
    }


def test_a_refused_read_is_audited(plane: Plane, beta: httpx.Client, domain: dict[str, Any]) -> None:
    beta.get(f"/v1/domains/{domain['id']}")

    assert relations(plane, domain["id"], object_id=domain["id"]) == [("domain.read", "insufficient_relation")]


@pytest.mark.parametrize("id_", ["x", str(uuid.UUID(int=0)), "1" * 32, "%20", f"{UNKNOWN_ID}%0A"])
@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_an_id_that_is_no_uuid(acme: httpx.Client, method: str, id_: str) -> None:
    answer = acme.request(method, f"/v1/domains/{id_}", json={"name": "Nova"})

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_domain_id")


def test_ids_are_read_in_either_case(acme: httpx.Client, domain: dict[str, Any]) -> None:
    assert acme.get(f"/v1/domains/{domain['id'].upper()}").json()["id"] == domain["id"]


def test_pages_are_sorted_by_slug_and_have_each_domain_once(plane: Plane, acme: httpx.Client) -> None:
    made = [new_domain(acme) for _ in range(3)]
    # Of all the Domains that tests made, this user reads three: their pages are few.
    member = new_user(plane, made[0]["id"], *(("member", f"domain:{each['id']}") for each in made))

    with client_of(plane, member) as client:
        slugs = [each["slug"] for each in walk(client, "/v1/domains", limit=1)]

    assert slugs == sorted(each["slug"] for each in made)


def test_a_cursor_works_for_nobody_else(acme: httpx.Client, beta: httpx.Client) -> None:
    cursor = acme.get("/v1/domains", params={"limit": 1}).json()["next_cursor"]

    assert refusal(beta.get("/v1/domains", params={"cursor": cursor})) == (403, "cursor_binding_mismatch")


def test_a_cursor_works_for_another_token_of_the_same_user(plane: Plane, acme: httpx.Client) -> None:
    cursor = acme.get("/v1/domains", params={"limit": 1}).json()["next_cursor"]

    with plane.client("acme-corp") as other:
        assert other.get("/v1/domains", params={"cursor": cursor}).status_code == 200


def test_no_character_of_a_cursor_can_be_changed(acme: httpx.Client) -> None:
    cursor = acme.get("/v1/domains", params={"limit": 1}).json()["next_cursor"]

    for at in range(len(cursor)):
        tampered = cursor[:at] + ("A" if cursor[at] != "A" else "B") + cursor[at + 1 :]
        answer = acme.get("/v1/domains", params={"cursor": tampered})
        assert refusal(answer) == (400, "invalid_cursor"), at


def test_a_cursor_has_one_spelling(acme: httpx.Client) -> None:
    cursor = acme.get("/v1/domains", params={"limit": 1}).json()["next_cursor"]

    # The last character of base64 may have bits to spare: others decode to the same bytes.
    for last in set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") - {cursor[-1]}:
        answer = acme.get("/v1/domains", params={"cursor": cursor[:-1] + last})
        assert refusal(answer) == (400, "invalid_cursor"), last
    assert refusal(acme.get("/v1/domains", params={"cursor": f"{cursor}="})) == (400, "invalid_cursor")


@pytest.mark.parametrize(
    "cursor", ["x", "=", "é", "v1", "A" * 5000, base64.urlsafe_b64encode(b"v1" + bytes(16) + b'["",[""]]').decode()]
)
def test_what_was_never_a_cursor(acme: httpx.Client, cursor: str) -> None:
    assert refusal(acme.get("/v1/domains", params={"cursor": cursor})) == (400, "invalid_cursor")


def test_a_cursor_of_another_list_is_invalid(acme: httpx.Client) -> None:
    cursor = acme.get("/v1/domains", params={"limit": 1}).json()["next_cursor"]

    assert refusal(acme.get("/v1/projects", params={"cursor": cursor})) == (400, "invalid_cursor")


def test_an_empty_cursor_is_the_first_page(acme: httpx.Client) -> None:
    first = acme.get("/v1/domains", params={"limit": 1}).json()["items"]

    assert acme.get("/v1/domains", params={"limit": 1, "cursor": ""}).json()["items"] == first
