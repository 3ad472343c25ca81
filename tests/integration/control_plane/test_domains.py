from __future__ import annotations

import base64
import uuid
from ipaddress import ip_network
from typing import Any

import httpx
import pytest

from tests.integration.control_plane.actors import (
    at_once,
    binding_of,
    client_of,
    events,
    new_domain,
    new_node,
    new_project,
    new_user,
    refusal,
    relations,
    walk,
)
from tests.integration.control_plane.conftest import UNKNOWN_ID, Plane, ula, unique

PLATFORM_CHAIN = str(uuid.UUID(int=0))
DEFAULT_POLICY = {"heartbeat_interval": "30s", "stale_after": "90s", "unreachable_after": "300s"}


@pytest.fixture
def domain(acme: httpx.Client) -> dict[str, Any]:
    return new_domain(acme)


# ---- create ----------------------------------------------------------------------------


def test_a_created_domain_has_defaults_and_an_address(acme: httpx.Client) -> None:
    slug, mesh_cidr = unique(), ula()

    created = acme.post("/v1/domains", json={"name": "  Nova  ", "slug": slug, "mesh_cidr": mesh_cidr})

    domain = created.json()
    assert created.status_code == 201
    assert created.headers["location"] == f"/v1/domains/{domain['id']}"
    assert uuid.UUID(domain["id"]).version == 7
    assert domain == {
        "id": domain["id"],
        "name": "Nova",
        "slug": slug,
        "description": "",
        "mesh_cidr": mesh_cidr,
        "reachability": DEFAULT_POLICY,
        "created_at": domain["created_at"],
        "updated_at": domain["created_at"],
    }
    assert acme.get(created.headers["location"]).json() == domain


def test_every_member_of_a_domain_is_kept(acme: httpx.Client) -> None:
    policy = {"heartbeat_interval": "10s", "stale_after": "30s", "unreachable_after": "1m"}

    domain = new_domain(acme, description="for tests", region="eu-1", reachability=policy)

    assert (domain["description"], domain["region"]) == ("for tests", "eu-1")
    assert domain["reachability"] == {**policy, "unreachable_after": "60s"}


def test_the_creator_becomes_admin_and_auditor(plane: Plane, acme: httpx.Client, domain: dict[str, Any]) -> None:
    assert acme.patch(f"/v1/domains/{domain['id']}", json={"name": "Mine"}).status_code == 200
    assert acme.get(f"/v1/domains/{domain['id']}/audit/entries").status_code == 200


def test_creating_is_one_event_and_one_audit_row(plane: Plane, domain: dict[str, Any]) -> None:
    assert events(plane, domain["id"]) == ["DomainCreated"]
    ((domain_id, payload),) = plane.sql(
        "SELECT domain_id::text, payload FROM plexsphere.outbox_events WHERE aggregate_id = %s", domain["id"]
    )
    assert (domain_id, payload["slug"]) == (domain["id"], domain["slug"])
    (relation,) = plane.sql(
        "SELECT relation FROM plexsphere.audit_entries WHERE chain_id = %s AND correlation_id = %s",
        PLATFORM_CHAIN,
        payload["correlation_id"],
    )
    assert relation == ("domain.create",)


def test_only_a_platform_operator_creates_domains(plane: Plane, beta: httpx.Client) -> None:
    body = {"name": "Nova", "slug": unique(), "mesh_cidr": ula()}

    refused = beta.post("/v1/domains", json=body)

    assert refusal(refused) == (403, "permission_denied")
    assert refused.json()["reason"] == "insufficient_relation"
    assert plane.sql("SELECT 1 FROM plexsphere.domains WHERE slug = %s", body["slug"]) == []


@pytest.mark.parametrize(
    "members",
    [
        {"name": ""},
        {"name": " \t "},
        {"name": "n" * 256},
        {"slug": ""},
        {"slug": "Upper"},
        {"slug": "two--dashes"},
        {"slug": "-lead"},
        {"slug": "trail-"},
        {"slug": "s" * 65},
        {"slug": "új"},
        {"slug": "line\n"},
        {"description": "   "},
        {"description": "d" * 1025},
        {"region": "EU"},
        {"region": ""},
        {"region": "r" * 65},
        {"mesh_cidr": ""},
        {"mesh_cidr": "10.0.0.0"},
        {"mesh_cidr": "10.0.0.1/8"},
        {"mesh_cidr": "10.0.0.0/33"},
        {"mesh_cidr": "10.0.0.0/255.0.0.0"},
        {"mesh_cidr": "fd00::1/64"},
        {"mesh_cidr": "fd00::%eth0/64"},
        {"mesh_cidr": "fd00::/129"},
        {"mesh_cidr": "\uff110.0.0.0/8"},
        {"mesh_cidr": "10.0.0.0/8; DROP TABLE plexsphere.domains"},
    ],
    ids=str,
)
def test_a_value_that_breaks_a_rule_is_invalid(acme: httpx.Client, members: dict[str, str]) -> None:
    body = {"name": "Nova", "slug": unique(), "mesh_cidr": ula(), **members}

    assert refusal(acme.post("/v1/domains", json=body)) == (400, "invalid_domain")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"name": "Nova", "slug": "nova"}',
        b'{"name": 1, "slug": "nova", "mesh_cidr": "fd00::/48"}',
        b'{"name": null, "slug": "nova", "mesh_cidr": "fd00::/48"}',
        b'{"name": "N\\u0000va", "slug": "nova", "mesh_cidr": "fd00::/48"}',
        b'{"name": "N\\ud800va", "slug": "nova", "mesh_cidr": "fd00::/48"}',
        b'{"name": "N\xffva", "slug": "nova", "mesh_cidr": "fd00::/48"}',
        b'{"name": "Nova", "slug": "nova", "mesh_cidr": "fd00::/48", "colour": "red"}',
        b'{"name": "Nova", "slug": "nova", "mesh_cidr": "fd00::/48", "reachability": "30s"}',
        b'{"name": "Nova", "slug": "nova", "mesh_cidr": "fd00::/48", "reachability": {"stale_after": 90}}',
        b"[" * 8000,
    ],
    ids=lambda body: body[:60],
)
def test_a_body_of_another_shape_is_an_invalid_body(acme: httpx.Client, body: bytes) -> None:
    assert refusal(acme.post("/v1/domains", content=body)) == (400, "invalid_body")


@pytest.mark.parametrize(
    ("interval", "stale", "unreachable"),
    [
        ("30s", "", ""),
        ("30s", "90s", ""),
        ("", "90s", "300s"),
        ("30s", "0s", "300s"),
        ("9s", "90s", "300s"),
        ("1h1s", "1h", "1h"),
        ("30s", "89s", "300s"),
        ("10s", "1h1s", "2h"),
        ("30s", "90s", "179s"),
        ("10s", "30s", "1h1s"),
        ("20m", "1h", "1h"),
        ("30", "90", "300"),
        ("-30s", "90s", "300s"),
        ("30s ", "90s", "300s"),
        ("1m30", "5m", "10m"),
        ("٣0s", "90s", "300s"),
        ("9" * 17 + "s", "90s", "300s"),
        ("999999999999999h", "90s", "300s"),
        ("30s", "90s", "999999999999999h"),
        ("9.999999999s", "90s", "300s"),
        ("-1s", "-3s", "-6s"),
        ("1e1s", "90s", "300s"),
    ],
)
def test_a_policy_out_of_bounds_is_refused(acme: httpx.Client, interval: str, stale: str, unreachable: str) -> None:
    policy = {"heartbeat_interval": interval, "stale_after": stale, "unreachable_after": unreachable}
    body = {"name": "Nova", "slug": unique(), "mesh_cidr": ula(), "reachability": policy}

    assert refusal(acme.post("/v1/domains", json=body)) == (400, "invalid_reachability_policy")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (("10s", "30s", "60s"), ("10s", "30s", "60s")),
        (("10m", "30m", "1h"), ("600s", "1800s", "3600s")),
        (("1m30s", "5m", "10m"), ("90s", "300s", "600s")),
        (("1.5m", "270000ms", ".5h"), ("90s", "270s", "1800s")),
        (("10.5s", "31500001us", "1m3.000002s"), ("10.5s", "31.500001s", "63.000002s")),
        (("10.0000003s", "30.0000009s", "+1m0.0000018s"), ("10s", "30s", "60.000001s")),
        (("", "", ""), ("30s", "90s", "300s")),
        (("0", "-0", "0ns"), ("30s", "90s", "300s")),
        (("0s", "0s", "0s"), ("30s", "90s", "300s")),
    ],
)
def test_a_policy_at_its_bounds_is_kept(
    acme: httpx.Client, given: tuple[str, str, str], kept: tuple[str, str, str]
) -> None:
    names = ("heartbeat_interval", "stale_after", "unreachable_after")

    domain = new_domain(acme, reachability=dict(zip(names, given, strict=True)))

    assert domain["reachability"] == dict(zip(names, kept, strict=True))


def test_a_slug_is_used_once(plane: Plane, acme: httpx.Client, domain: dict[str, Any]) -> None:
    again = acme.post("/v1/domains", json={"name": "Again", "slug": domain["slug"], "mesh_cidr": ula()})

    assert refusal(again) == (409, "domain_slug_conflict")
    assert len(plane.sql("SELECT 1 FROM plexsphere.domains WHERE slug = %s", domain["slug"])) == 1


def test_ranges_do_not_overlap_from_within_or_around(acme: httpx.Client, domain: dict[str, Any]) -> None:
    own = ip_network(domain["mesh_cidr"])
    for overlapping in (own, own.supernet(), next(own.subnets())):
        body = {"name": "Again", "slug": unique(), "mesh_cidr": str(overlapping)}
        assert refusal(acme.post("/v1/domains", json=body)) == (409, "mesh_cidr_overlap")


def test_of_creates_at_once_with_one_slug_one_wins(plane: Plane, acme: httpx.Client) -> None:
    slug = unique()
    bodies = [{"name": "Nova", "slug": slug, "mesh_cidr": ula()} for _ in range(8)]

    answers = at_once(acme, [("POST", "/v1/domains", body) for body in bodies])

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    assert {answer.json().get("code") for answer in answers} == {None, "domain_slug_conflict"}
    assert len(plane.sql("SELECT 1 FROM plexsphere.outbox_events WHERE payload->>'slug' = %s", slug)) == 1


def test_of_creates_at_once_with_overlapping_ranges_one_wins(acme: httpx.Client) -> None:
    outer = ip_network(ula())
    ranges = [outer, *list(outer.subnets(prefixlen_diff=3))[:1] * 7]
    bodies = [{"name": "N", "slug": unique(), "mesh_cidr": str(each)} for each in ranges]

    answers = at_once(acme, [("POST", "/v1/domains", body) for body in bodies])

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    assert {answer.json().get("code") for answer in answers} == {None, "mesh_cidr_overlap"}


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


def test_pages_are_in_the_order_of_slugs_and_hold_each_domain_once(plane: Plane, acme: httpx.Client) -> None:
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


# ---- patch -----------------------------------------------------------------------------


def test_a_patch_changes_what_it_names(plane: Plane, acme: httpx.Client, domain: dict[str, Any]) -> None:
    mesh_cidr, policy = ula(), {"heartbeat_interval": "10s", "stale_after": "30s", "unreachable_after": "60s"}
    change = {"name": "New", "description": "told", "region": "eu-2", "mesh_cidr": mesh_cidr, "reachability": policy}

    patched = acme.patch(f"/v1/domains/{domain['id']}", json=change)

    assert patched.status_code == 200
    assert patched.json() == {**domain, **change, "updated_at": patched.json()["updated_at"]}
    assert patched.json()["updated_at"] > domain["updated_at"]
    assert events(plane, domain["id"]) == ["DomainCreated", "DomainUpdated"]


def test_a_patch_leaves_the_rest(acme: httpx.Client) -> None:
    domain = new_domain(acme, description="stays", region="eu-1")

    patched = acme.patch(f"/v1/domains/{domain['id']}", json={"name": "New"}).json()

    assert patched == {**domain, "name": "New", "updated_at": patched["updated_at"]}


def test_an_empty_description_clears_it(acme: httpx.Client) -> None:
    domain = new_domain(acme, description="goes")

    assert acme.patch(f"/v1/domains/{domain['id']}", json={"description": ""}).json()["description"] == ""


@pytest.mark.parametrize(
    ("patch", "code"),
    [
        ({}, "empty_patch"),
        ({"slug": "other"}, "slug_immutable"),
        ({"slug": None}, "slug_immutable"),
        ({"slug": {"a": [1]}, "name": "New"}, "slug_immutable"),
        ({"name": " "}, "invalid_domain"),
        ({"description": " "}, "invalid_domain"),
        ({"region": "No Kebab"}, "invalid_domain"),
        ({"mesh_cidr": "10.0.0.1/8"}, "invalid_domain"),
        ({"reachability": {"heartbeat_interval": "30s"}}, "invalid_reachability_policy"),
        ({"name": None}, "invalid_body"),
        ({"region": None}, "invalid_body"),
        ({"id": UNKNOWN_ID}, "invalid_body"),
    ],
    ids=str,
)
def test_a_patch_that_breaks_a_rule_changes_nothing(
    plane: Plane, acme: httpx.Client, domain: dict[str, Any], patch: dict[str, object], code: str
) -> None:
    assert refusal(acme.patch(f"/v1/domains/{domain['id']}", json=patch)) == (400, code)

    assert acme.get(f"/v1/domains/{domain['id']}").json() == domain
    assert events(plane, domain["id"]) == ["DomainCreated"]


def test_even_the_same_slug_is_immutable(acme: httpx.Client, domain: dict[str, Any]) -> None:
    patched = acme.patch(f"/v1/domains/{domain['id']}", json={"slug": domain["slug"]})

    assert refusal(patched) == (400, "slug_immutable")


def test_who_reads_a_domain_may_not_patch_or_delete_it(plane: Plane, domain: dict[str, Any]) -> None:
    path = f"/v1/domains/{domain['id']}"
    user_id = new_user(plane, domain["id"], ("member", f"domain:{domain['id']}"))
    with client_of(plane, user_id) as member:
        assert member.get(path).status_code == 200
        assert refusal(member.patch(path, json={"name": "New"})) == (403, "permission_denied")
        assert refusal(member.delete(path)) == (403, "permission_denied")


def test_a_range_is_not_moved_onto_another(acme: httpx.Client, domain: dict[str, Any]) -> None:
    other = new_domain(acme)

    patched = acme.patch(f"/v1/domains/{domain['id']}", json={"mesh_cidr": other["mesh_cidr"]})

    assert refusal(patched) == (409, "mesh_cidr_overlap")


def test_a_range_may_grow_and_shrink_in_place(acme: httpx.Client, domain: dict[str, Any]) -> None:
    half = str(next(ip_network(domain["mesh_cidr"]).subnets()))

    for mesh_cidr in (half, domain["mesh_cidr"]):
        patched = acme.patch(f"/v1/domains/{domain['id']}", json={"mesh_cidr": mesh_cidr})
        assert patched.json()["mesh_cidr"] == mesh_cidr


def test_a_range_keeps_the_sub_ranges_inside(acme: httpx.Client, domain: dict[str, Any]) -> None:
    first, second = ip_network(domain["mesh_cidr"]).subnets()
    project = new_project(acme, domain["id"], sub_range_cidr=str(second))

    patched = acme.patch(f"/v1/domains/{domain['id']}", json={"mesh_cidr": str(first)})

    assert refusal(patched) == (422, "mesh_cidr_invalidates_subrange")
    assert project["id"] in patched.json()["detail"]
    assert acme.patch(f"/v1/domains/{domain['id']}", json={"mesh_cidr": str(second)}).status_code == 200


def test_a_range_keeps_the_addresses_of_nodes_inside(plane: Plane, acme: httpx.Client, domain: dict[str, Any]) -> None:
    first, second = ip_network(domain["mesh_cidr"]).subnets()
    project = new_project(acme, domain["id"])
    new_node(plane, acme, project, str(second[9]))

    patched = acme.patch(f"/v1/domains/{domain['id']}", json={"mesh_cidr": str(first)})

    assert refusal(patched) == (422, "mesh_cidr_invalidates_subrange")
    assert str(second[9]) in patched.json()["detail"]


# ---- delete ----------------------------------------------------------------------------


def test_an_empty_domain_is_deleted(plane: Plane, acme: httpx.Client, domain: dict[str, Any]) -> None:
    path = f"/v1/domains/{domain['id']}"

    deleted = acme.delete(path)

    assert (deleted.status_code, deleted.content) == (204, b"")
    assert refusal(acme.get(path)) == (404, "domain_not_found")
    assert refusal(acme.patch(path, json={"name": "New"})) == (404, "domain_not_found")
    assert refusal(acme.delete(path)) == (404, "domain_not_found")
    assert events(plane, domain["id"]) == ["DomainCreated", "DomainDeleted"]


def test_its_slug_and_range_are_free_again(acme: httpx.Client, domain: dict[str, Any]) -> None:
    acme.delete(f"/v1/domains/{domain['id']}")

    again = new_domain(acme, slug=domain["slug"], mesh_cidr=domain["mesh_cidr"])

    assert again["id"] != domain["id"]


def test_a_domain_that_holds_something_stays(plane: Plane, acme: httpx.Client, domain: dict[str, Any]) -> None:
    domain_id = domain["id"]
    new_node(plane, acme, new_project(acme, domain_id), str(ip_network(domain["mesh_cidr"])[1]))
    new_project(acme, domain_id)
    new_user(plane, domain_id)
    group = {"domain_id": domain_id, "slug": "g", "display_name": "G", "source": "manual"}
    assert acme.post("/v1/admin/groups", json=group).status_code == 201
    assert acme.post("/v1/admin/idp", json=binding_of(domain_id)).status_code == 201

    refused = acme.delete(f"/v1/domains/{domain_id}")

    assert refusal(refused) == (409, "domain_not_empty")
    assert refused.json()["child_counts"] == {
        "projects": 2,
        "groups": 1,
        "identities": 1,
        "idp_bindings": 1,
        "nodes": 1,
    }
    assert acme.get(f"/v1/domains/{domain_id}").status_code == 200


def test_what_does_not_count_goes_with_the_domain(plane: Plane, acme: httpx.Client, domain: dict[str, Any]) -> None:
    binding = acme.post("/v1/admin/idp", json=binding_of(domain["id"])).json()
    assert acme.delete(f"/v1/admin/idp/{binding['id']}").status_code == 204
    label = {
        "scope": "domain",
        "scope_id": domain["id"],
        "local_key": "env",
        "value_schema": {"kind": "boolean"},
        "applicable_kinds": ["node"],
    }
    assert acme.post("/v1/label-definitions", json=label).status_code == 201

    assert acme.delete(f"/v1/domains/{domain['id']}").status_code == 204
    assert plane.sql("SELECT 1 FROM plexsphere.label_definitions WHERE scope_id = %s", domain["id"]) == []
    assert plane.sql("SELECT 1 FROM plexsphere.idp_bindings WHERE domain_id = %s", domain["id"]) == []


def test_of_a_delete_and_a_project_at_once_never_both(plane: Plane, acme: httpx.Client) -> None:
    for _ in range(5):
        domain = new_domain(acme)
        project = {"domain_id": domain["id"], "name": "P", "slug": "p"}

        answers = at_once(acme, [("DELETE", f"/v1/domains/{domain['id']}", {}), ("POST", "/v1/projects", project)])

        assert sorted(answer.status_code for answer in answers) in ([201, 409], [204, 409])
        codes = {answer.json()["code"] for answer in answers if answer.status_code == 409}
        assert codes <= {"domain_not_empty", "parent_domain_missing"}
