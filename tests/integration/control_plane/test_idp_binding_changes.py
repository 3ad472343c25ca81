"""Patches, status and deletion of IdP bindings."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import psycopg
import pytest

from tests.support.actors import (
    binding_of,
    events,
    new_domain,
    refusal,
)
from tests.support.control_plane import SAMPLE_DISCOVERY_URL, UNKNOWN_ID, Plane
from tests.support.idp_bindings import issuer, new_binding

PATH = "/v1/admin/idp"


@pytest.fixture
def domain(acme: httpx.Client) -> str:
    return str(new_domain(acme)["id"])


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
def test_a_plane_secret_is_refused_for_another_discovery_url(
    plane: Plane, acme: httpx.Client, domain: str, members: dict[str, object]
) -> None:
    refused = acme.post(PATH, json={**binding_of(domain), **members})

    assert refusal(refused) == (400, "invalid_idp_binding")
    # The same answer for all: it must not disclose which variables exist.
    assert refused.json()["detail"] == "client_secret_ref names no secret that is meant for this discovery_url"
    assert plane.sql("SELECT count(*) FROM plexsphere.idp_bindings WHERE domain_id = %s", domain) == [(0,)]


def test_a_binding_with_a_plane_secret_keeps_its_discovery_url(acme: httpx.Client, domain: str) -> None:
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
    """Its secret is never sent (see the relying party's tests); its Domain's admin may correct it."""
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
        # All four have read the version and wait for the row; only now they may continue.
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
