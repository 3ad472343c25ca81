from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

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
)
from tests.support.control_plane import DOMAINS, Plane
from tests.support.idp_bindings import issuer, new_binding

PATH = "/v1/admin/idp"


@pytest.fixture
def domain(acme: httpx.Client) -> str:
    return str(new_domain(acme)["id"])


@pytest.fixture
def member(plane: Plane, domain: str) -> Iterator[httpx.Client]:
    """A user who may read the Domain but not manage it."""
    with client_of(plane, new_user(plane, domain, ("member", f"domain:{domain}"))) as client:
        yield client


# ---- create ----------------------------------------------------------------------------


def test_a_created_binding(plane: Plane, acme: httpx.Client, domain: str) -> None:
    created = acme.post(PATH, json=binding_of(domain))

    binding = created.json()
    assert created.status_code == 201
    assert created.headers["location"] == f"{PATH}/{binding['id']}"
    assert binding == {
        **binding_of(domain),
        "id": binding["id"],
        "status": "active",
        "primary": False,
        "created_at": binding["created_at"],
        "updated_at": binding["created_at"],
    }
    assert acme.get(created.headers["location"]).json() == binding
    assert events(plane, binding["id"]) == ["IdPBindingCreated"]
    assert ("idp_binding.create", "granted") in relations(plane, domain, object_id=domain)


def test_every_member_of_a_binding_is_kept(acme: httpx.Client, domain: str) -> None:
    members = {
        "claim_mappings": {"groups": "roles"},
        "required_acr": ["urn:mace:incommon:iap:silver"],
        "required_amr": ["otp", "hwk"],
        "primary": True,
    }

    assert members.items() <= new_binding(acme, domain, **members).items()


@pytest.mark.parametrize(
    ("given", "kept"),
    [("GitHub", "github"), ("My  Own_IdP!", "my-own-idp"), ("-a-", "a"), ("a--b", "a-b"), ("Ünder", "nder")],
)
def test_an_alias_is_normalised(acme: httpx.Client, domain: str, given: str, kept: str) -> None:
    assert new_binding(acme, domain, alias=given)["alias"] == kept


def test_an_empty_alias_is_none(acme: httpx.Client, domain: str) -> None:
    assert "alias" not in new_binding(acme, domain, alias="")


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"jit_policy": "maybe"}, "invalid_jit_policy"),
        ({"jit_policy": ""}, "invalid_jit_policy"),
        ({"issuer": "localhost:5556/dex"}, "invalid_idp_binding"),
        ({"issuer": "ftp://example.com"}, "invalid_idp_binding"),
        ({"issuer": "https://"}, "invalid_idp_binding"),
        ({"issuer": "https://example.com/#part"}, "invalid_idp_binding"),
        ({"issuer": "https://example.com:99999"}, "invalid_idp_binding"),
        ({"issuer": "https://[::1"}, "invalid_idp_binding"),
        ({"issuer": "https://example.com/a b"}, "invalid_idp_binding"),
        ({"issuer": "https://example.com/\r\nX-Injected: 1"}, "invalid_idp_binding"),
        ({"issuer": "https://example.com/" + "a" * 2048}, "invalid_idp_binding"),
        ({"discovery_url": ""}, "invalid_idp_binding"),
        ({"client_id": " "}, "invalid_idp_binding"),
        ({"client_id": "c" * 4097}, "invalid_idp_binding"),
        ({"client_secret_ref": ""}, "invalid_idp_binding"),
        ({"required_acr": ["a"] * 17}, "invalid_idp_binding"),
        ({"required_amr": [" "]}, "invalid_idp_binding"),
        ({"claim_mappings": {"groups": ""}}, "invalid_idp_binding"),
        ({"alias": "!!!"}, "invalid_idp_binding"),
        ({"alias": "a" * 65}, "invalid_idp_binding"),
        ({"domain_id": "acme-corp"}, "invalid_body"),
        ({"claim_mappings": {"groups": 1}}, "invalid_body"),
        ({"claim_mappings": None}, "invalid_body"),
        ({"required_acr": "one"}, "invalid_body"),
        ({"primary": "yes"}, "invalid_body"),
        ({"status": "active"}, "invalid_body"),
    ],
    ids=str,
)
def test_a_binding_that_breaks_a_rule(acme: httpx.Client, domain: str, members: dict[str, object], code: str) -> None:
    assert refusal(acme.post(PATH, json={**binding_of(domain), **members})) == (400, code)


def test_active_bindings_conflict_by_issuer_alias_and_primary(acme: httpx.Client, domain: str) -> None:
    first = new_binding(acme, domain, alias="one", primary=True)
    for members, code in (
        ({"issuer": first["issuer"]}, "issuer_conflict"),
        ({"issuer": issuer(), "alias": "ONE"}, "alias_conflict"),
        ({"issuer": issuer(), "primary": True}, "primary_conflict"),
    ):
        assert refusal(acme.post(PATH, json={**binding_of(domain), **members})) == (409, code)


def test_another_domain_has_its_own_issuer_alias_and_primary(acme: httpx.Client, domain: str) -> None:
    same = {"alias": "one", "primary": True}
    new_binding(acme, domain, **same)

    assert same.items() <= new_binding(acme, new_domain(acme)["id"], **same).items()


def test_of_creates_at_once_one_wins(acme: httpx.Client, domain: str) -> None:
    answers = at_once(acme, [("POST", PATH, binding_of(domain))] * 6)

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 5
    assert len(acme.get(PATH, params={"domain_id": domain}).json()) == 1


def test_a_deleted_domain_is_a_missing_parent(acme: httpx.Client, domain: str) -> None:
    acme.delete(f"/v1/domains/{domain}")

    assert refusal(acme.post(PATH, json=binding_of(domain))) == (409, "parent_domain_missing")


# ---- read ------------------------------------------------------------------------------


def test_the_list_is_a_bare_array(acme: httpx.Client, domain: str, binding: dict[str, Any]) -> None:
    assert acme.get(PATH, params={"domain_id": domain}).json() == [binding]


def test_without_a_domain_the_list_has_what_the_caller_reads(
    acme: httpx.Client, beta: httpx.Client, binding: dict[str, Any]
) -> None:
    ours = {each["id"] for each in acme.get(PATH).json()}
    theirs = beta.get(PATH).json()

    assert binding["id"] in ours
    assert {each["domain_id"] for each in theirs} == {DOMAINS["beta-llc"]}


def test_the_list_of_a_foreign_domain(beta: httpx.Client, domain: str) -> None:
    for id_ in (domain, str(uuid.uuid4())):
        assert refusal(beta.get(PATH, params={"domain_id": id_})) == (403, "permission_denied")


def test_a_filter_that_is_no_uuid(acme: httpx.Client) -> None:
    assert refusal(acme.get(PATH, params={"domain_id": "acme-corp"})) == (400, "invalid_domain_id")


def test_a_binding_that_is_not_visible_is_not_found(plane: Plane, beta: httpx.Client, binding: dict[str, Any]) -> None:
    for id_ in (binding["id"], str(uuid.uuid4())):
        path = f"{PATH}/{id_}"
        answers = [
            beta.get(path),
            beta.patch(path, json={"primary": True}),
            beta.delete(path),
            beta.patch(f"{path}/status", json={"status": "deactivated"}),
        ]
        assert {refusal(answer) for answer in answers} == {(404, "binding_not_found")}
    denials = relations(plane, binding["domain_id"], object_id=binding["domain_id"])
    assert ("idp_binding.read", "insufficient_relation") in denials


def test_who_reads_the_domain_reads_and_does_not_write(member: httpx.Client, binding: dict[str, Any]) -> None:
    path = f"{PATH}/{binding['id']}"

    assert member.get(path).json() == binding
    assert member.get(PATH).json() == [binding]
    answers = [
        member.post(PATH, json=binding_of(binding["domain_id"])),
        member.patch(path, json={"primary": True}),
        member.delete(path),
        member.patch(f"{path}/status", json={"status": "deactivated"}),
    ]
    assert {refusal(answer) for answer in answers} == {(403, "permission_denied")}
