from __future__ import annotations

import re
import uuid
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.support.control_plane import UNKNOWN_ID
from tests.support.enrolment import Site

VALID = {"kind": "node", "env_prefix": "dev", "ttl_seconds": 3600}


def test_a_token_is_shown_once_and_lives_as_long_as_asked(site: Site) -> None:
    response = site.admin.post(site.tokens_url, json=VALID)

    assert response.status_code == 201
    issued = response.json()
    assert set(issued) == {"token_id", "token", "issued_at", "expires_at"}
    assert response.headers["location"] == f"{site.tokens_url}/{issued['token_id']}"
    assert re.fullmatch(r"psb_dev_[a-z2-7]{26}_node_[a-z2-7]{26}", issued["token"])
    assert _time(issued["expires_at"]) - _time(issued["issued_at"]) == timedelta(hours=1)


def test_only_an_argon2id_hash_is_kept(site: Site) -> None:
    issued = site.issue()

    [(stored, row)] = site.plane.sql(
        "SELECT argon2_hash, t::text FROM plexsphere.bootstrap_tokens t WHERE id = %s", issued["token_id"]
    )
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert issued["token"].rpartition("_")[2] not in row


def test_metadata_has_no_plaintext_and_no_empty_timestamps(site: Site) -> None:
    issued = site.issue(kind="bridge")

    metadata = site.metadata(issued["token_id"])
    [(issuer,)] = site.plane.sql(
        "SELECT u.id::text FROM plexsphere.users u JOIN plexsphere.domains d ON d.id = u.domain_id"
        " WHERE d.slug = 'acme-corp' ORDER BY u.created_at, u.id LIMIT 1"
    )
    assert metadata == {
        "id": issued["token_id"],
        "project_id": site.project_id,
        "kind": "bridge",
        "env_prefix": "dev",
        "issued_at": issued["issued_at"],
        "expires_at": issued["expires_at"],
        "issued_by_user_id": issuer,
    }


@pytest.mark.parametrize("ttl", [300, 86400])
def test_both_ends_of_the_lifetime_are_inside(site: Site, ttl: int) -> None:
    assert site.admin.post(site.tokens_url, json={**VALID, "ttl_seconds": ttl}).status_code == 201


@pytest.mark.parametrize(
    "broken",
    [
        {"kind": "vm"},
        {"kind": "Node"},
        {"env_prefix": ""},
        {"env_prefix": "Dev"},
        {"env_prefix": "dev1"},
        {"env_prefix": "dev\n"},
        {"env_prefix": "dév"},
        {"env_prefix": "a" * 33},
        {"ttl_seconds": 299},
        {"ttl_seconds": 86401},
        {"ttl_seconds": 10**30},
    ],
)
def test_out_of_bounds(site: Site, broken: dict[str, Any]) -> None:
    response = site.admin.post(site.tokens_url, json={**VALID, **broken})

    assert response.status_code == 400
    assert response.json()["code"] in ("invalid_bootstrap_token", "invalid_body")
    assert site.admin.get(site.tokens_url).json() == {"items": []}


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{", b'{"kind":"node"}', b'{"kind":1,"env_prefix":"dev","ttl_seconds":300}', b"[" * 5000,
     b'{"kind":"node","env_prefix":"dev","ttl_seconds":"300"}', b'{"kind":"\\ud800"}', b"\xff",
     b'{"kind":"node","env_prefix":"dev","ttl_seconds":300,"issued_by_user_id":"me"}'],
)  # fmt: skip
def test_bodies_that_are_none(site: Site, content: bytes) -> None:
    response = site.admin.post(site.tokens_url, content=content)

    assert response.status_code == 400
    assert response.json()["code"] == "invalid_body"


def test_a_body_over_the_cap(site: Site) -> None:
    response = site.admin.post(site.tokens_url, content=b"x" * (1024 * 1024 + 1))

    assert response.status_code == 413
    assert response.json()["code"] == "request_body_too_large"


def test_pages_follow_the_cursor_oldest_first(site: Site) -> None:
    ids = [site.issue()["token_id"] for _ in range(3)]

    first = site.admin.get(site.tokens_url, params={"limit": 2}).json()
    second = site.admin.get(site.tokens_url, params={"limit": 2, "cursor": first["next_cursor"]}).json()

    assert [each["id"] for each in first["items"]] == ids[:2]
    assert [each["id"] for each in second["items"]] == ids[2:]
    assert "next_cursor" not in second
    assert "token" not in str(first["items"][0].keys())


def test_a_cursor_belongs_to_its_project(site: Site) -> None:
    site.issue()
    site.issue()
    cursor = site.admin.get(site.tokens_url, params={"limit": 1}).json()["next_cursor"]

    response = site.admin.get(site.project().tokens_url, params={"cursor": cursor})

    assert (response.status_code, response.json()["code"]) == (400, "invalid_cursor")


def test_a_revoked_token_says_when_and_is_not_revoked_again(site: Site) -> None:
    token_id = site.issue()["token_id"]
    url = f"{site.tokens_url}/{token_id}"

    assert site.admin.delete(url).status_code == 204
    again = site.admin.delete(url)

    assert (again.status_code, again.json()["code"]) == (409, "token_revoked")
    assert "revoked_at" in site.metadata(token_id)
    assert [event["id"] for event in site.events("BootstrapTokenRevoked")] == [token_id]


def test_a_consumed_token_is_not_revoked(site: Site) -> None:
    issued = site.issue()
    assert site.register(issued["token"], site.resource()).status_code == 201

    response = site.admin.delete(f"{site.tokens_url}/{issued['token_id']}")

    assert (response.status_code, response.json()["code"]) == (409, "token_consumed")
    assert "revoked_at" not in site.metadata(issued["token_id"])


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_what_is_not_there_is_404_for_who_may_look(site: Site, method: str) -> None:
    of_another = site.project().issue()["token_id"]

    for token_id in (uuid.uuid4(), of_another):
        response = site.admin.request(method, f"{site.tokens_url}/{token_id}")
        assert (response.status_code, response.json()["code"]) == (404, "bootstrap_token_not_found")


def test_a_deleted_project(site: Site) -> None:
    empty = site.project()
    assert site.admin.delete(f"/v1/projects/{empty.project_id}").status_code == 204

    for response in (site.admin.get(empty.tokens_url), site.admin.post(empty.tokens_url, json=VALID)):
        assert (response.status_code, response.json()["code"]) == (404, "project_not_found")


def test_a_stranger_is_refused_whether_it_is_there_or_not(site: Site, beta: httpx.Client) -> None:
    there, nowhere = site.tokens_url, f"/v1/projects/{uuid.uuid4()}/bootstrap-tokens"
    token_id = site.issue()["token_id"]

    for url in (there, nowhere):
        for response in (
            beta.get(url),
            beta.post(url, json=VALID),
            beta.get(f"{url}/{token_id}"),
            beta.delete(f"{url}/{token_id}"),
        ):
            assert (response.status_code, response.json()["code"]) == (403, "permission_denied")
    assert "revoked_at" not in site.metadata(token_id)


def test_nobody_is_asked_who_they_are(site: Site, nobody: httpx.Client) -> None:
    response = nobody.post(site.tokens_url, json=VALID)

    assert (response.status_code, response.json()["code"]) == (401, "unauthenticated")


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/v1/projects/x'--/bootstrap-tokens", "invalid_project_id"),
        (f"/v1/projects/{uuid.UUID(int=0)}/bootstrap-tokens", "invalid_project_id"),
        (f"/v1/projects/{UNKNOWN_ID}/bootstrap-tokens/not-a-uuid", "invalid_bootstrap_token_id"),
    ],
)
def test_bad_ids(acme: httpx.Client, path: str, code: str) -> None:
    response = acme.get(path)

    assert (response.status_code, response.json()["code"]) == (400, code)


def test_each_write_is_one_event_and_one_audit_row(site: Site) -> None:
    token_id = site.issue()["token_id"]
    site.admin.delete(f"{site.tokens_url}/{token_id}")

    assert [event["id"] for event in site.events("BootstrapTokenIssued")] == [token_id]
    assert len(site.audit("bootstrap_token.issue")) == 1
    assert len(site.audit("bootstrap_token.revoke")) == 1


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
