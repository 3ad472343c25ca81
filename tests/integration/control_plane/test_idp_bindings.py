from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import psycopg
import pytest

from tests.integration.control_plane.actors import (
    at_once,
    binding_of,
    client_of,
    events,
    new_domain,
    new_user,
    refusal,
    relations,
)
from tests.integration.control_plane.conftest import DOMAINS, SAMPLE_DISCOVERY_URL, UNKNOWN_ID, Plane

PATH = "/v1/admin/idp"


@pytest.fixture
def domain(acme: httpx.Client) -> str:
    return str(new_domain(acme)["id"])


@pytest.fixture
def binding(acme: httpx.Client, domain: str) -> dict[str, Any]:
    return new_binding(acme, domain)


@pytest.fixture
def member(plane: Plane, domain: str) -> Iterator[httpx.Client]:
    """Who reads the Domain and does not manage it."""
    with client_of(plane, new_user(plane, domain, ("member", f"domain:{domain}"))) as client:
        yield client


def new_binding(client: httpx.Client, domain: str, **members: object) -> dict[str, Any]:
    created = client.post(PATH, json={**binding_of(domain), **members})
    assert created.status_code == 201, created.text
    binding: dict[str, Any] = created.json()
    return binding


def issuer() -> str:
    return f"https://{uuid.uuid4()}.example.com"


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


# ---- patch -----------------------------------------------------------------------------


def test_a_patch_changes_what_it_names(plane: Plane, acme: httpx.Client, domain: str) -> None:
    members = {"required_acr": ["a"], "alias": "one", "claim_mappings": {"groups": "roles"}}
    binding = new_binding(acme, domain, client_secret_ref="vault:idp/acme", **members)
    change = {"discovery_url": "https://idp.example.com/oidc", "jit_policy": "deny", "alias": "two", "primary": True}

    patched = acme.patch(f"{PATH}/{binding['id']}", json=change)

    assert patched.status_code == 200
    assert patched.json() == {**binding, **change, "updated_at": patched.json()["updated_at"]}
    assert patched.json()["updated_at"] > binding["updated_at"]
    assert events(plane, binding["id"]) == ["IdPBindingCreated", "IdPBindingUpdated"]


def test_empty_values_clear(acme: httpx.Client, domain: str) -> None:
    members = {"alias": "one", "claim_mappings": {"a": "b"}, "required_acr": ["a"], "required_amr": ["b"]}
    binding = new_binding(acme, domain, **members)

    cleared = {"alias": "", "claim_mappings": {}, "required_acr": [], "required_amr": []}
    patched = acme.patch(f"{PATH}/{binding['id']}", json=cleared).json()

    assert not set(members) & set(patched)


ELSEWHERE = "https://idp.attacker.example/.well-known/openid-configuration"


@pytest.mark.parametrize(
    "members",
    [
        {"client_secret_ref": "env:PLEXSPHERE_DEX_CLIENT_SECRET", "discovery_url": ELSEWHERE},
        {"client_secret_ref": "env:PLEXSPHERE_DEX_CLIENT_SECRET", "discovery_url": SAMPLE_DISCOVERY_URL},
        {"client_secret_ref": "env:PLEXSPHERE_SAMPLE_CLIENT_SECRET", "discovery_url": f"{SAMPLE_DISCOVERY_URL}?"},
        {"client_secret_ref": "env:PLEXSPHERE_SAMPLE_CLIENT_SECRET", "discovery_url": f"{SAMPLE_DISCOVERY_URL}/"},
        {"client_secret_ref": "env:PLEXSPHERE_NOBODYS_CLIENT_SECRET"},
        {"client_secret_ref": "env:PLEXSPHERE_CURSOR_KEY"},
        {"client_secret_ref": "env:PLEXSPHERE_DATABASE_URL"},
        {"client_secret_ref": "env:"},
    ],
    ids=str,
)
def test_a_secret_of_the_plane_is_bound_to_its_own_discovery_url_alone(
    plane: Plane, acme: httpx.Client, domain: str, members: dict[str, object]
) -> None:
    refused = acme.post(PATH, json={**binding_of(domain), **members})

    assert refusal(refused) == (400, "invalid_idp_binding")
    # One answer for all: it must not tell which variables there are.
    assert refused.json()["detail"] == "client_secret_ref names no secret that is meant for this discovery_url"
    assert plane.sql("SELECT count(*) FROM plexsphere.idp_bindings WHERE domain_id = %s", domain) == [(0,)]


def test_a_binding_with_a_secret_of_the_plane_is_not_pointed_elsewhere(acme: httpx.Client, domain: str) -> None:
    binding = new_binding(acme, domain)
    path = f"{PATH}/{binding['id']}"

    assert refusal(acme.patch(path, json={"discovery_url": ELSEWHERE})) == (400, "invalid_idp_binding")
    assert refusal(acme.patch(path, json={"discovery_url": ELSEWHERE, "alias": "x"})) == (400, "invalid_idp_binding")
    assert acme.get(path).json() == binding
    assert acme.patch(path, json={"discovery_url": SAMPLE_DISCOVERY_URL, "alias": "x"}).status_code == 200


def test_a_seeded_binding_is_not_pointed_elsewhere(beta: httpx.Client) -> None:
    path = f"{PATH}/01985a00-0000-7000-8000-00000000be11"
    seeded = beta.get(path).json()

    assert refusal(beta.patch(path, json={"discovery_url": ELSEWHERE})) == (400, "invalid_idp_binding")
    assert beta.get(path).json() == seeded


def test_a_binding_from_before_the_pairing_can_still_be_changed(
    plane: Plane, acme: httpx.Client, binding: dict[str, Any]
) -> None:
    """Its secret is sent nowhere (see the relying party's tests); its Domain's admin may put it right."""
    plane.sql("UPDATE plexsphere.idp_bindings SET discovery_url = %s WHERE id = %s", ELSEWHERE, binding["id"])
    path = f"{PATH}/{binding['id']}"

    assert acme.patch(path, json={"alias": "x"}).status_code == 200
    assert acme.patch(path, json={"discovery_url": SAMPLE_DISCOVERY_URL}).status_code == 200


@pytest.mark.parametrize(
    ("patch", "code"),
    [
        ({}, "empty_patch"),
        ({"jit_policy": "perhaps"}, "invalid_jit_policy"),
        ({"discovery_url": "nowhere"}, "invalid_idp_binding"),
        ({"alias": "!"}, "invalid_idp_binding"),
        ({"alias": None}, "invalid_body"),
        ({"issuer": "https://example.com"}, "invalid_body"),
        ({"status": "deactivated"}, "invalid_body"),
        ({"domain_id": UNKNOWN_ID}, "invalid_body"),
    ],
    ids=str,
)
def test_a_patch_that_breaks_a_rule_changes_nothing(
    plane: Plane, acme: httpx.Client, binding: dict[str, Any], patch: dict[str, object], code: str
) -> None:
    assert refusal(acme.patch(f"{PATH}/{binding['id']}", json=patch)) == (400, code)

    assert acme.get(f"{PATH}/{binding['id']}").json() == binding
    assert events(plane, binding["id"]) == ["IdPBindingCreated"]


def test_a_patch_into_a_conflict(acme: httpx.Client, domain: str) -> None:
    new_binding(acme, domain, alias="one", primary=True)
    other = f"{PATH}/{new_binding(acme, domain, issuer=issuer())['id']}"

    assert refusal(acme.patch(other, json={"alias": "One"})) == (409, "alias_conflict")
    assert refusal(acme.patch(other, json={"primary": True})) == (409, "primary_conflict")


def test_who_patches_what_somebody_else_changed_meanwhile_loses(
    plane: Plane, acme: httpx.Client, binding: dict[str, Any]
) -> None:
    path, waiting = f"{PATH}/{binding['id']}", "SELECT count(*) FROM pg_locks WHERE NOT granted"
    with psycopg.connect(plane.database_url) as holder, ThreadPoolExecutor(4) as pool:
        holder.execute("SELECT 1 FROM plexsphere.idp_bindings WHERE id = %s FOR UPDATE", [binding["id"]])
        patches = [pool.submit(acme.patch, path, json={"alias": f"alias-{n}"}) for n in range(4)]
        # All four have read the version and wait for the row: only now may they go on.
        while plane.sql(waiting)[0][0] < 4:
            pass
        holder.rollback()
        answers = [patch.result() for patch in patches]

    winner, *losers = sorted(answers, key=lambda answer: answer.status_code)
    assert winner.status_code == 200
    assert [refusal(loser) for loser in losers] == [(409, "binding_conflict")] * 3
    assert acme.get(path).json() == winner.json()
    assert events(plane, binding["id"]) == ["IdPBindingCreated", "IdPBindingUpdated"]


# ---- status and delete -----------------------------------------------------------------


def test_a_binding_is_deactivated_and_activated_again(
    plane: Plane, acme: httpx.Client, binding: dict[str, Any]
) -> None:
    path = f"{PATH}/{binding['id']}/status"

    off = acme.patch(path, json={"status": "deactivated"})
    on = acme.patch(path, json={"status": "active"})

    assert off.json() == {**binding, "status": "deactivated", "updated_at": off.json()["updated_at"]}
    assert on.json() == {**binding, "updated_at": on.json()["updated_at"]}
    assert events(plane, binding["id"]) == ["IdPBindingCreated"] + ["IdPBindingStatusChanged"] * 2


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"status": "inactive"}, "invalid_status"),
        ({"status": "degraded"}, "invalid_status"),
        ({"status": ""}, "invalid_status"),
        ({"status": None}, "invalid_body"),
        ({}, "invalid_body"),
    ],
)
def test_a_status_that_cannot_be_set(
    acme: httpx.Client, binding: dict[str, Any], body: dict[str, object], code: str
) -> None:
    assert refusal(acme.patch(f"{PATH}/{binding['id']}/status", json=body)) == (400, code)


def test_a_deleted_binding_stays_deactivated_and_makes_room(plane: Plane, acme: httpx.Client, domain: str) -> None:
    first = new_binding(acme, domain, alias="one", primary=True)

    deleted = acme.delete(f"{PATH}/{first['id']}")
    second = new_binding(acme, domain, alias="one", primary=True)

    assert (deleted.status_code, deleted.content) == (204, b"")
    assert acme.get(f"{PATH}/{first['id']}").json()["status"] == "deactivated"
    assert [(each["id"], each["status"]) for each in acme.get(PATH, params={"domain_id": domain}).json()] == [
        (first["id"], "deactivated"),
        (second["id"], "active"),
    ]
    assert events(plane, first["id"]) == ["IdPBindingCreated", "IdPBindingDeactivated"]


def test_what_took_its_place_keeps_a_binding_inactive(acme: httpx.Client, domain: str) -> None:
    first = new_binding(acme, domain)
    acme.delete(f"{PATH}/{first['id']}")
    new_binding(acme, domain)

    again = acme.patch(f"{PATH}/{first['id']}/status", json={"status": "active"})

    assert refusal(again) == (409, "issuer_conflict")


def test_an_id_that_is_no_uuid(acme: httpx.Client) -> None:
    for method, path in (("GET", "x"), ("PATCH", "x"), ("DELETE", "x"), ("PATCH", "x/status")):
        body = {"status": "active"} if path.endswith("status") else {"primary": True}
        assert refusal(acme.request(method, f"{PATH}/{path}", json=body)) == (400, "invalid_binding_id")
