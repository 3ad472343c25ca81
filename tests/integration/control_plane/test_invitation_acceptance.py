"""The next sign-in of an invited person accepts the invitation."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import httpx
import psycopg
import pytest

from tests.support.actors import client_of, events, new_domain, new_project, refusal, relations
from tests.support.control_plane import Plane
from tests.support.invitations import invite, path_of
from tests.support.rogue_tenant import Tenant
from tests.support.waiting import until

ADA = "ada@example.com"


@pytest.fixture
def strict(tenant: Tenant) -> Tenant:
    """A tenant that admits invited persons only."""
    tenant.set(jit_policy="deny")
    tenant.idp.claims |= {"sub": "ada-sub", "email": ADA, "email_verified": True}
    return tenant


@pytest.fixture
def project(acme: httpx.Client, strict: Tenant) -> dict[str, Any]:
    return new_project(acme, strict.domain_id)


def status_of(client: httpx.Client, invitation: dict[str, Any]) -> dict[str, Any]:
    read: dict[str, Any] = client.get(path_of(invitation["domain_id"], invitation["id"])).json()
    return read


@pytest.mark.parametrize("subject", [ADA, "Ada@Example.com", "ada-sub"])
def test_the_first_sign_in_admits_and_grants(
    plane: Plane, acme: httpx.Client, strict: Tenant, project: dict[str, Any], subject: str
) -> None:
    assert strict.refused() == (400, "jit_provisioning_denied")
    invitation = invite(acme, strict.domain_id, subject, ("viewer", f"project:{project['id']}"))

    user_id = strict.whoami()["subject"]

    accepted = status_of(acme, invitation)
    assert accepted == {
        **invitation,
        "status": "accepted",
        "accepted_at": accepted["accepted_at"],
        "accepted_user_id": user_id,
    }
    with client_of(plane, user_id) as ada:
        path = f"/v1/projects/{project['id']}"
        assert ada.get(path).json() == project
        assert refusal(ada.patch(path, json={"name": "Hers"})) == (403, "permission_denied")
        assert refusal(ada.get(f"/v1/domains/{strict.domain_id}")) == (403, "permission_denied")
    assert events(plane, invitation["id"]) == ["InvitationCreated", "InvitationAccepted"]
    audited = relations(plane, strict.domain_id, object_id=invitation["id"])
    assert audited == [("invitation.accept", "granted")]


@pytest.mark.parametrize("is_verified", [False, None, "true"])
def test_an_address_that_is_not_verified_admits_nobody(acme: httpx.Client, strict: Tenant, is_verified: object) -> None:
    """Whoever can enter any address at the identity provider would otherwise be whom they like."""
    invitation = invite(acme, strict.domain_id, ADA)
    strict.idp.claims["email_verified"] = is_verified

    assert strict.refused() == (400, "jit_provisioning_denied")
    assert status_of(acme, invitation) == invitation


def test_a_verified_address_is_not_another_claim(acme: httpx.Client, strict: Tenant) -> None:
    invite(acme, strict.domain_id, ADA)
    strict.set(claim_mappings='{"email": "contact"}')
    strict.idp.claims |= {"email": "mallory@example.com", "contact": ADA}

    assert strict.refused() == (400, "jit_provisioning_denied")


def test_all_invitations_of_a_person_are_accepted(
    plane: Plane, acme: httpx.Client, strict: Tenant, project: dict[str, Any]
) -> None:
    invite(acme, strict.domain_id, ADA, ("viewer", f"project:{project['id']}"))
    invite(acme, strict.domain_id, "ada-sub", ("member", f"domain:{strict.domain_id}"))

    with client_of(plane, strict.whoami()["subject"]) as ada:
        assert ada.get(f"/v1/projects/{project['id']}").status_code == 200
        assert ada.get(f"/v1/domains/{strict.domain_id}").status_code == 200


def test_a_known_person_accepts_by_the_next_sign_in(
    plane: Plane, acme: httpx.Client, strict: Tenant, project: dict[str, Any]
) -> None:
    strict.set(jit_policy="allow")
    user_id = strict.whoami()["subject"]
    invite(acme, strict.domain_id, ADA, ("admin", f"project:{project['id']}"))
    with client_of(plane, user_id) as ada:
        path = f"/v1/projects/{project['id']}"
        assert refusal(ada.get(path)) == (403, "permission_denied")

        assert strict.whoami()["subject"] == user_id

        assert ada.patch(path, json={"name": "Hers"}).status_code == 200


def test_an_invitation_is_accepted_once(plane: Plane, acme: httpx.Client, strict: Tenant) -> None:
    invitation = invite(acme, strict.domain_id, ADA)
    strict.whoami()
    strict.whoami()

    assert events(plane, invitation["id"]) == ["InvitationCreated", "InvitationAccepted"]
    path = path_of(strict.domain_id, invitation["id"])
    assert refusal(acme.delete(path)) == (409, "invitation_already_accepted")


@pytest.mark.parametrize("end", ["revoked", "expired"])
def test_an_invitation_that_has_ended_admits_nobody(plane: Plane, acme: httpx.Client, strict: Tenant, end: str) -> None:
    invitation = invite(acme, strict.domain_id, ADA)
    if end == "revoked":
        acme.delete(path_of(strict.domain_id, invitation["id"])).raise_for_status()
    else:
        plane.sql("UPDATE plexsphere.invitations SET expires_at = now() WHERE id = %s", invitation["id"])

    assert strict.refused() == (400, "jit_provisioning_denied")
    assert status_of(acme, invitation)["status"] == end


def test_an_invitation_to_another_domain_is_not_accepted(acme: httpx.Client, strict: Tenant) -> None:
    elsewhere = invite(acme, new_domain(acme)["id"], ADA)

    assert strict.refused() == (400, "jit_provisioning_denied")
    assert status_of(acme, elsewhere) == elsewhere


def _wait_for_row(plane: Plane, sign_ins: list[Future[dict[str, Any]]]) -> None:
    """Wait until all of these have redeemed their codes and wait for the invitation's row."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%%invitations i%%'"
    until(lambda: plane.sql(waiting)[0][0] >= len(sign_ins) or any(each.done() for each in sign_ins))
    assert not any(each.done() for each in sign_ins), "a sign-in does not wait for the invitation"


@pytest.mark.parametrize("policy", ["deny", "allow"])
def test_two_first_sign_ins_at_once_are_one_user(
    plane: Plane, acme: httpx.Client, strict: Tenant, project: dict[str, Any], policy: str
) -> None:
    strict.set(jit_policy=policy)
    invitation = invite(acme, strict.domain_id, ADA, ("viewer", f"project:{project['id']}"))
    with (
        plane.client(None) as one,
        plane.client(None) as other,
        ThreadPoolExecutor(2) as pool,
        psycopg.connect(plane.database_url) as holder,
    ):
        holder.execute("SELECT 1 FROM plexsphere.invitations WHERE id = %s FOR UPDATE", [invitation["id"]])
        sign_ins: list[Future[dict[str, Any]]] = []
        # The second begins when the first has its ID token, because the provider knows one nonce at a time.
        for client in (one, other):
            sign_ins.append(pool.submit(replace(strict, client=client).whoami))
            _wait_for_row(plane, sign_ins)
        holder.rollback()
        signed_in = [each.result() for each in sign_ins]

    assert signed_in[0] == signed_in[1]
    user_id = signed_in[0]["subject"]
    users = "SELECT id::text FROM plexsphere.users WHERE domain_id = %s AND external_subject = 'ada-sub'"
    assert plane.sql(users, strict.domain_id) == [(user_id,)]
    assert events(plane, invitation["id"]) == ["InvitationCreated", "InvitationAccepted"]
    assert status_of(acme, invitation)["accepted_user_id"] == user_id
    with client_of(plane, user_id) as ada:
        assert ada.get(f"/v1/projects/{project['id']}").status_code == 200
