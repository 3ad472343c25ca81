from __future__ import annotations

import uuid
from typing import Any

import httpx
import pytest

from tests.support.actors import client_of, new_domain, new_user, refusal, relations, walk
from tests.support.control_plane import ADMIN_ID, DOMAINS, Plane

ACME = DOMAINS["acme-corp"]


@pytest.fixture
def domain(acme: httpx.Client) -> str:
    return str(new_domain(acme)["id"])


def path_of(domain: str, identity: str = "") -> str:
    return f"/v1/domains/{domain}/identities" + (f"/{identity}" if identity else "")


def test_the_seeded_admin_is_listed_under_a_pseudonym(plane: Plane, acme: httpx.Client) -> None:
    ((admin_id,),) = plane.sql(
        "SELECT id::text FROM plexsphere.users WHERE domain_id = %s AND email = 'admin@example.com'", ACME
    )

    listed = next(each for each in walk(acme, path_of(ACME)) if each["id"] == admin_id)

    assert (listed["kind"], listed["domain_id"]) == ("user", ACME)
    assert len(listed["external_subject_pseudonym"]) == 64
    assert ADMIN_ID not in str(listed)
    assert not {"external_subject", "email", "updated_at"} & set(listed)


def test_a_pseudonym_is_of_its_domain(plane: Plane, acme: httpx.Client, beta: httpx.Client) -> None:
    def pseudonym(client: httpx.Client, domain: str) -> str:
        detail: dict[str, Any] = next(
            client.get(path_of(domain, each["id"])).json()
            for each in walk(client, path_of(domain))
            if client.get(path_of(domain, each["id"])).json().get("email") == "admin@example.com"
        )
        return str(detail["external_subject_pseudonym"])

    ours, theirs = pseudonym(acme, ACME), pseudonym(beta, DOMAINS["beta-llc"])

    assert ours != theirs
    assert ours == pseudonym(acme, ACME)


def test_pages_have_the_newest_first(plane: Plane, acme: httpx.Client, domain: str) -> None:
    made = [new_user(plane, domain) for _ in range(5)]

    assert [each["id"] for each in walk(acme, path_of(domain), limit=2)] == made[::-1]


def test_users_made_in_the_same_moment_are_all_listed(plane: Plane, acme: httpx.Client, domain: str) -> None:
    made = {new_user(plane, domain) for _ in range(4)}
    plane.sql("UPDATE plexsphere.users SET created_at = '2026-01-01T00:00:00.123456Z' WHERE domain_id = %s", domain)

    listed = [each["id"] for each in walk(acme, path_of(domain), limit=1)]

    assert listed == sorted(made, reverse=True)


def test_the_kind_narrows(plane: Plane, acme: httpx.Client, domain: str) -> None:
    user_id = new_user(plane, domain)

    assert [each["id"] for each in walk(acme, path_of(domain), kind="user")] == [user_id]
    assert acme.get(path_of(domain), params={"kind": "service-identity"}).json() == {"items": []}
    for kind in ("", "service_identity", "User"):
        assert refusal(acme.get(path_of(domain), params={"kind": kind})) == (400, "invalid_kind")


def test_a_cursor_is_of_its_domain_and_its_caller(plane: Plane, acme: httpx.Client, domain: str) -> None:
    reader_id = new_user(plane, domain, ("member", f"domain:{domain}"))
    new_user(plane, domain)
    cursor = acme.get(path_of(domain), params={"limit": 1}).json()["next_cursor"]

    assert refusal(acme.get(path_of(ACME), params={"cursor": cursor})) == (400, "invalid_cursor")
    with client_of(plane, reader_id) as reader:
        foreign = reader.get(path_of(domain), params={"cursor": cursor})
        assert refusal(foreign) == (403, "cursor_binding_mismatch")


def test_only_an_auditor_sees_who_it_is(plane: Plane, acme: httpx.Client, domain: str) -> None:
    identity = new_user(plane, domain, email="someone@example.com")
    reader_id = new_user(plane, domain, ("member", f"domain:{domain}"))

    seen = acme.get(path_of(domain, identity)).json()
    with client_of(plane, reader_id) as reader:
        veiled = reader.get(path_of(domain, identity)).json()

    assert (seen["external_subject"], seen["email"]) == (f"sub-{identity}", "someone@example.com")
    assert veiled == {name: value for name, value in seen.items() if name not in ("external_subject", "email")}
    assert {"id", "kind", "domain_id", "display_name", "created_at", "updated_at"} <= set(veiled)


def test_an_admin_who_is_no_auditor_does_not(plane: Plane, acme: httpx.Client, domain: str) -> None:
    admin_id = new_user(plane, domain, ("admin", f"domain:{domain}"), email="a@example.com")
    with client_of(plane, admin_id) as admin:
        assert not {"external_subject", "email"} & set(admin.get(path_of(domain, admin_id)).json())


def test_members_that_are_not_known_are_absent(plane: Plane, acme: httpx.Client, domain: str) -> None:
    detail = acme.get(path_of(domain, new_user(plane, domain))).json()

    assert not {"email", "last_sign_in_at"} & set(detail)


def test_reads_are_audited_in_the_domain(plane: Plane, acme: httpx.Client, domain: str) -> None:
    identity = new_user(plane, domain)
    acme.get(path_of(domain))
    acme.get(path_of(domain, identity))

    assert relations(plane, domain, object_id=domain) == [("identity.list", "granted"), ("identity.read", "granted")]


def test_what_is_not_there(plane: Plane, acme: httpx.Client, beta: httpx.Client, domain: str) -> None:
    foreign = new_user(plane, DOMAINS["beta-llc"])
    for identity in (foreign, str(uuid.uuid4())):
        assert refusal(acme.get(path_of(domain, identity))) == (404, "identity_not_found")
    for path in (path_of(domain), path_of(domain, foreign), path_of(str(uuid.uuid4()))):
        assert refusal(beta.get(path)) == (403, "permission_denied")
    acme.delete(f"/v1/domains/{domain}")
    assert refusal(acme.get(path_of(domain))) == (404, "domain_not_found")


def test_ids_that_are_no_uuids(acme: httpx.Client, domain: str) -> None:
    assert refusal(acme.get(path_of("x"))) == (400, "invalid_domain_id")
    assert refusal(acme.get(path_of("x", str(uuid.uuid4())))) == (400, "invalid_domain_id")
    assert refusal(acme.get(path_of(domain, "x"))) == (400, "invalid_principal_id")
