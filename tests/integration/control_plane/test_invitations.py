"""Invitations until their acceptance: create, read, list, revoke, expire."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import httpx
import pytest

from tests.support.actors import at_once, client_of, events, new_domain, new_project, new_user, refusal, walk
from tests.support.control_plane import UNKNOWN_ID, Plane, unique
from tests.support.invitations import invite, path_of

ADA = "ada@example.com"


@pytest.fixture
def domain(acme: httpx.Client) -> str:
    return str(new_domain(acme)["id"])


def elapse(plane: Plane, invitation: dict[str, Any]) -> None:
    plane.sql("UPDATE plexsphere.invitations SET expires_at = now() WHERE id = %s", invitation["id"])


def seconds_between(earlier: str, later: str) -> float:
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()


def test_a_created_invitation(plane: Plane, acme: httpx.Client, domain: str) -> None:
    project = new_project(acme, domain)["id"]
    tuples = [
        {"relation": "member", "object": f"domain:{domain}"},
        {"relation": "viewer", "object": f"project:{project}", "caveat_context": {}},
    ]

    created = acme.post(path_of(domain), json={"external_subject": ADA, "initial_tuples": tuples})

    invitation = created.json()
    assert created.status_code == 201
    assert created.headers["location"] == path_of(domain, invitation["id"])
    assert (invitation["domain_id"], invitation["status"]) == (domain, "pending")
    assert invitation["initial_tuples"] == tuples
    assert seconds_between(invitation["created_at"], invitation["expires_at"]) == 86_400
    assert ADA not in created.text
    assert acme.get(created.headers["location"]).json() == invitation
    assert events(plane, invitation["id"]) == ["InvitationCreated"]


@pytest.mark.parametrize("ttl", [60, 604_800])
def test_the_lifetime_is_the_one_asked_for(acme: httpx.Client, domain: str, ttl: int) -> None:
    invitation = invite(acme, domain, ADA, ttl_seconds=ttl)

    assert seconds_between(invitation["created_at"], invitation["expires_at"]) == ttl


def test_a_pseudonym_is_of_a_subject_in_a_domain(acme: httpx.Client, domain: str) -> None:
    first = invite(acme, domain, ADA)
    acme.delete(path_of(domain, first["id"])).raise_for_status()
    others = [invite(acme, domain, ADA), invite(acme, domain, "grace"), invite(acme, new_domain(acme)["id"], ADA)]

    same, *different = (each["external_subject_pseudonym"] for each in others)
    assert same == first["external_subject_pseudonym"]
    assert len({same, *different}) == 3


@pytest.mark.parametrize(
    ("members", "status", "code"),
    [
        ({"external_subject": " "}, 400, "invalid_body"),
        ({"external_subject": "a" * 256}, 400, "invalid_body"),
        ({"external_subject": None}, 400, "invalid_body"),
        ({"role": "member"}, 400, "invalid_body"),
        ({"ttl_seconds": 59}, 400, "invalid_ttl"),
        ({"ttl_seconds": 604_801}, 400, "invalid_ttl"),
        ({"initial_tuples": [{"relation": "r", "object": "o"}] * 33}, 422, "too_many_initial_tuples"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_an_invitation_that_breaks_a_rule(
    acme: httpx.Client, domain: str, members: dict[str, Any], status: int, code: str
) -> None:
    assert refusal(acme.post(path_of(domain), json={"external_subject": ADA, **members})) == (status, code)


@pytest.mark.parametrize(
    ("relation", "about", "status", "code"),
    [
        ("member", "platform:plexsphere", 422, "invitation_object_out_of_scope"),
        ("member", "domain:other", 422, "invitation_object_out_of_scope"),
        ("admin", f"project:{UNKNOWN_ID}", 422, "invitation_object_out_of_scope"),
        ("member", "group:ops", 422, "invitation_object_out_of_scope"),
        ("maintainer", f"node:{UNKNOWN_ID}", 422, "invitation_object_out_of_scope"),
        ("", "domain:DOMAIN", 400, "invalid_body"),
        ("owner", "domain:DOMAIN", 400, "invalid_body"),
        ("manage", "domain:DOMAIN", 400, "invalid_body"),
        ("member@user:x", "domain:DOMAIN", 400, "invalid_body"),
    ],
    ids=str,
)
def test_a_relation_that_an_invitation_cannot_give(
    acme: httpx.Client, domain: str, relation: str, about: str, status: int, code: str
) -> None:
    initial = [{"relation": relation, "object": about.replace("DOMAIN", domain)}]

    answer = acme.post(path_of(domain), json={"external_subject": ADA, "initial_tuples": initial})

    assert refusal(answer) == (status, code)
    assert "initial_tuples[0]." in answer.json()["detail"]


def test_no_relation_to_what_another_domain_owns(acme: httpx.Client, domain: str) -> None:
    """An admin of one Domain could otherwise let themselves into the Projects of every other."""
    other = new_domain(acme)["id"]
    group = {"domain_id": other, "slug": unique(), "display_name": "Ops", "source": "manual"}
    foreign = (
        f"domain:{other}",
        f"project:{new_project(acme, other)['id']}",
        f"group:{acme.post('/v1/admin/groups', json=group).json()['id']}",
    )
    for about in foreign:
        body = {"external_subject": ADA, "initial_tuples": [{"relation": "member", "object": about}]}
        assert refusal(acme.post(path_of(domain), json=body)) == (422, "invitation_object_out_of_scope"), about
        assert acme.post(path_of(other), json=body | {"external_subject": about}).status_code == 201, about


def test_a_caveat_that_nothing_would_evaluate_is_refused(acme: httpx.Client, domain: str) -> None:
    caveated = {"relation": "member", "object": f"domain:{domain}", "caveat_context": {"until": "noon"}}

    answer = acme.post(path_of(domain), json={"external_subject": ADA, "initial_tuples": [caveated]})

    assert refusal(answer) == (422, "invalid_caveat_context")


def test_one_subject_has_one_pending_invitation(plane: Plane, acme: httpx.Client, domain: str) -> None:
    body = {"external_subject": ADA}

    answers = at_once(acme, [("POST", path_of(domain), body)] * 5)

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 4
    (created,) = (answer.json() for answer in answers if answer.status_code == 201)
    refused = [answer for answer in answers if answer.status_code == 409]
    assert {refusal(answer) for answer in refused} == {(409, "invitation_already_pending")}
    assert all(created["id"] in answer.json()["detail"] for answer in refused)
    assert events(plane, created["id"]) == ["InvitationCreated"]


def test_pages_have_the_newest_first(acme: httpx.Client, domain: str) -> None:
    made = [invite(acme, domain, f"person-{number}") for number in range(4)]

    assert walk(acme, path_of(domain), limit=3) == made[::-1]


def test_the_status_narrows_and_its_cursor_is_its_own(acme: httpx.Client, domain: str) -> None:
    pending, revoked = [invite(acme, domain, name) for name in ("ada", "grace")]
    acme.delete(path_of(domain, revoked["id"])).raise_for_status()
    cursor = acme.get(path_of(domain), params={"limit": 1}).json()["next_cursor"]

    assert walk(acme, path_of(domain), status="pending") == [pending]
    assert [each["id"] for each in walk(acme, path_of(domain), status="revoked")] == [revoked["id"]]
    assert len(walk(acme, path_of(domain), status="all")) == 2
    assert refusal(acme.get(path_of(domain), params={"status": "open"})) == (400, "invalid_status")
    answer = acme.get(path_of(domain), params={"status": "pending", "cursor": cursor})
    assert refusal(answer) == (400, "invalid_cursor")


def test_revoking_is_final_and_may_be_repeated(plane: Plane, acme: httpx.Client, domain: str) -> None:
    invitation = invite(acme, domain, ADA)
    path = path_of(domain, invitation["id"])

    assert [acme.delete(path).status_code for _ in range(2)] == [204, 204]

    revoked = acme.get(path).json()
    assert revoked == {**invitation, "status": "revoked", "revoked_at": revoked["revoked_at"]}
    assert events(plane, invitation["id"]) == ["InvitationCreated", "InvitationRevoked"]
    assert invite(acme, domain, ADA)["id"] != invitation["id"]


def test_an_elapsed_invitation_expires(plane: Plane, acme: httpx.Client, domain: str) -> None:
    invitation = invite(acme, domain, ADA)
    elapse(plane, invitation)

    expired = acme.get(path_of(domain, invitation["id"])).json()

    assert (expired["status"], "expired_at" in expired) == ("expired", True)
    assert refusal(acme.delete(path_of(domain, invitation["id"]))) == (409, "invitation_already_expired")
    assert events(plane, invitation["id"]) == ["InvitationCreated", "InvitationExpired"]


def test_an_elapsed_invitation_stands_in_no_ones_way(plane: Plane, acme: httpx.Client, domain: str) -> None:
    elapse(plane, invite(acme, domain, ADA))

    assert invite(acme, domain, ADA)["status"] == "pending"


def test_who_may(plane: Plane, acme: httpx.Client, beta: httpx.Client, domain: str) -> None:
    invitation = invite(acme, domain, ADA)
    path = path_of(domain, invitation["id"])
    with client_of(plane, new_user(plane, domain, ("member", f"domain:{domain}"))) as member:
        assert member.get(path).json() == invitation
        assert member.get(path_of(domain)).json() == {"items": [invitation]}
        for answer in (member.delete(path), member.post(path_of(domain), json={"external_subject": "grace"})):
            assert refusal(answer) == (403, "permission_denied")
    answers = [beta.get(path), beta.get(path_of(domain)), beta.delete(path)]
    assert {refusal(answer) for answer in answers} == {(403, "permission_denied")}


def test_an_invitation_of_another_domain_is_not_found(acme: httpx.Client, domain: str) -> None:
    elsewhere = path_of(new_domain(acme)["id"], invite(acme, domain, ADA)["id"])

    assert refusal(acme.get(elsewhere)) == refusal(acme.delete(elsewhere)) == (404, "invitation_not_found")
    assert refusal(acme.get(path_of(domain, "x"))) == (400, "invalid_invitation_id")


def test_a_domain_is_deleted_with_its_open_invitations(acme: httpx.Client, domain: str) -> None:
    invite(acme, domain, ADA)

    assert acme.delete(f"/v1/domains/{domain}").status_code == 204
