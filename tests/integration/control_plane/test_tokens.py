from __future__ import annotations

import base64
import hashlib
import re
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest

from tests.support.browsing import Browser, problem
from tests.support.control_plane import DOMAINS, Plane

ACME_ADMIN = "user:01985a00-0000-7000-8000-00000000ac21"
BETA_ADMIN = "user:01985a00-0000-7000-8000-00000000be21"


def _issue(client: httpx.Client, **body: object) -> dict[str, Any]:
    response = client.post("/v1/auth/tokens", json={"identity_ref": ACME_ADMIN, "env_prefix": "dev", **body})
    assert response.status_code == 201, response.text
    answer: dict[str, Any] = response.json()
    return answer


def _whoami(nobody: httpx.Client, plaintext: str) -> int:
    return nobody.get("/v1/auth/whoami", headers={"Authorization": f"Bearer {plaintext}"}).status_code


def _lifetime(expires_at: str) -> float:
    return (datetime.fromisoformat(expires_at) - datetime.now(UTC)).total_seconds()


def test_an_issued_token_works_and_names_its_id(acme: httpx.Client, nobody: httpx.Client) -> None:
    token = _issue(acme, env_prefix="stage", ttl_seconds=120)

    assert set(token) == {"id", "plaintext", "env_prefix", "expires_at"}
    match = re.fullmatch(r"psk_stage_([a-z2-7]{26})_([a-z2-7]{52})", token["plaintext"])
    assert match is not None
    assert str(uuid.UUID(bytes=base64.b32decode(match[1].upper() + "======"))) == token["id"]
    assert 100 < _lifetime(token["expires_at"]) <= 120
    assert _whoami(nobody, token["plaintext"]) == 200


def test_a_token_lives_90_days_where_nothing_is_said(acme: httpx.Client) -> None:
    assert timedelta(days=90).total_seconds() - 60 < _lifetime(_issue(acme)["expires_at"]) <= 90 * 86400


@pytest.mark.parametrize(
    "changed",
    [
        {"identity_ref": None},
        {"identity_ref": "user:admin"},
        {"identity_ref": f"{ACME_ADMIN}\n"},
        {"identity_ref": "node:01985a00-0000-7000-8000-00000000ac21"},
        {"env_prefix": "test"},
        {"env_prefix": None},
        {"ttl_seconds": 0},
        {"ttl_seconds": -1},
        {"ttl_seconds": 31_536_001},
        {"ttl_seconds": 10**30},
        {"ttl_seconds": 1.5},
        {"ttl_seconds": "60"},
        {"ttl_seconds": True},
        {"more": 1},
    ],
)
def test_a_token_that_cannot_be_is_400(acme: httpx.Client, changed: dict[str, object]) -> None:
    body = {"identity_ref": ACME_ADMIN, "env_prefix": "dev", **changed}

    assert problem(acme.post("/v1/auth/tokens", json=body)) == (400, "invalid_body")


@pytest.mark.parametrize("reference", [BETA_ADMIN, "service:01985a00-0000-7000-8000-00000000ac21"])
def test_a_token_for_somebody_else_is_403_and_audited(plane: Plane, acme: httpx.Client, reference: str) -> None:
    response = acme.post("/v1/auth/tokens", json={"identity_ref": reference, "env_prefix": "dev"})

    assert problem(response) == (403, "permission_denied")
    assert response.json()["reason"] == "out_of_scope"
    row = plane.sql(
        "SELECT relation, reason FROM plexsphere.audit_entries WHERE correlation_id = %s",
        response.headers["x-correlation-id"],
    )
    assert row == [("auth.token.issue", "out_of_scope")]


def test_tokens_are_listed_without_their_values(acme: httpx.Client, beta: httpx.Client) -> None:
    token = _issue(acme)

    response = acme.get("/v1/auth/tokens")

    summary = next(each for each in response.json() if each["id"] == token["id"])
    assert set(summary) == {"id", "env_prefix", "created_at", "expires_at"}
    assert token["plaintext"] not in response.text
    assert token["id"] not in beta.get("/v1/auth/tokens").text


def test_the_last_use_is_noted_once_a_minute(plane: Plane, acme: httpx.Client, nobody: httpx.Client) -> None:
    token = _issue(acme)

    def last_used() -> datetime | None:
        row = plane.sql("SELECT last_used_at FROM plexsphere.api_tokens WHERE id = %s", token["id"])
        moment: datetime | None = row[0][0]
        return moment

    assert last_used() is None
    _whoami(nobody, token["plaintext"])
    deadline = time.monotonic() + 2
    while last_used() is None and time.monotonic() < deadline:
        pass
    first = last_used()
    assert first is not None
    for _ in range(5):
        _whoami(nobody, token["plaintext"])
    assert last_used() == first
    assert "last_used_at" in next(each for each in acme.get("/v1/auth/tokens").json() if each["id"] == token["id"])


def test_a_rotated_value_lives_on_until_the_sunset(plane: Plane, acme: httpx.Client, nobody: httpx.Client) -> None:
    token = _issue(acme)

    response = acme.post(f"/v1/auth/tokens/{token['id']}/rotate")

    assert response.status_code == 200
    rotated = response.json()
    assert set(rotated) == {"id", "plaintext", "env_prefix", "expires_at", "rotation_deadline"}
    assert (rotated["id"], rotated["expires_at"]) == (token["id"], token["expires_at"])
    deadline = datetime.fromisoformat(rotated["rotation_deadline"])
    assert parsedate_to_datetime(response.headers["sunset"]) == deadline.replace(microsecond=0)
    assert response.headers["sunset"].endswith(" GMT")
    assert 86_340 < _lifetime(rotated["rotation_deadline"]) <= 86_400
    assert [_whoami(nobody, each["plaintext"]) for each in (token, rotated)] == [200, 200]
    plane.sql("UPDATE plexsphere.retired_token_values SET sunset_at = now() WHERE token_id = %s", token["id"])
    assert [_whoami(nobody, each["plaintext"]) for each in (token, rotated)] == [401, 200]


def test_a_rotated_value_does_not_outlive_its_token(acme: httpx.Client) -> None:
    token = _issue(acme, ttl_seconds=60)

    rotated = acme.post(f"/v1/auth/tokens/{token['id']}/rotate").json()

    assert rotated["rotation_deadline"] == token["expires_at"]


def test_every_rotated_value_lives_until_its_own_sunset(plane: Plane, acme: httpx.Client, nobody: httpx.Client) -> None:
    values = [_issue(acme)]
    for _ in range(3):
        values.append(acme.post(f"/v1/auth/tokens/{values[0]['id']}/rotate").json())
    assert [_whoami(nobody, each["plaintext"]) for each in values] == [200] * 4

    ended = hashlib.sha256(values[1]["plaintext"].encode()).digest()
    plane.sql("UPDATE plexsphere.retired_token_values SET sunset_at = now() WHERE secret_hash = %s", ended)

    assert [_whoami(nobody, each["plaintext"]) for each in values] == [200, 401, 200, 200]


def test_a_rotated_value_rotates_its_token(acme: httpx.Client, nobody: httpx.Client) -> None:
    first = _issue(acme)
    path, headers = f"/v1/auth/tokens/{first['id']}/rotate", {"Authorization": f"Bearer {first['plaintext']}"}
    values = [first, *(nobody.post(path, headers=headers).json() for _ in range(2))]

    assert [_whoami(nobody, each["plaintext"]) for each in values] == [200] * 3


def test_concurrent_rotations_leave_every_value(acme: httpx.Client, nobody: httpx.Client) -> None:
    token = _issue(acme)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: acme.post(f"/v1/auth/tokens/{token['id']}/rotate"), range(4)))

    assert [each.status_code for each in answers] == [200] * 4
    values = [token, *(each.json() for each in answers)]
    assert [_whoami(nobody, each["plaintext"]) for each in values] == [200] * 5


def test_values_past_their_sunset_are_forgotten(plane: Plane, acme: httpx.Client) -> None:
    path = f"/v1/auth/tokens/{_issue(acme)['id']}/rotate"
    acme.post(path)
    plane.sql("UPDATE plexsphere.retired_token_values SET sunset_at = now() - interval '1 second'")

    acme.post(path)

    assert plane.sql("SELECT count(*) FROM plexsphere.retired_token_values WHERE sunset_at < now()") == [(0,)]


def test_a_revoked_token_is_gone_at_once_with_its_rotated_values(acme: httpx.Client, nobody: httpx.Client) -> None:
    token = _issue(acme)
    rotated = acme.post(f"/v1/auth/tokens/{token['id']}/rotate").json()

    assert acme.delete(f"/v1/auth/tokens/{token['id']}").status_code == 204

    assert [_whoami(nobody, each["plaintext"]) for each in (token, rotated)] == [401, 401]
    assert problem(acme.delete(f"/v1/auth/tokens/{token['id']}")) == (404, "token_not_found")
    assert problem(acme.post(f"/v1/auth/tokens/{token['id']}/rotate")) == (404, "token_not_found")


def test_a_token_revokes_itself(acme: httpx.Client, nobody: httpx.Client) -> None:
    token = _issue(acme)
    headers = {"Authorization": f"Bearer {token['plaintext']}"}

    assert nobody.delete(f"/v1/auth/tokens/{token['id']}", headers=headers).status_code == 204
    assert problem(nobody.delete(f"/v1/auth/tokens/{token['id']}", headers=headers)) == (401, "unauthenticated")


def test_tokens_of_others_are_not_there(acme: httpx.Client, beta: httpx.Client, nobody: httpx.Client) -> None:
    token = _issue(acme)
    path = f"/v1/auth/tokens/{token['id']}"

    assert problem(beta.delete(path)) == (404, "token_not_found")
    assert problem(beta.post(f"{path}/rotate")) == (404, "token_not_found")
    assert problem(acme.delete(f"/v1/auth/tokens/{uuid.uuid4()}")) == (404, "token_not_found")
    assert problem(acme.delete("/v1/auth/tokens/x'--")) == (400, "invalid_token_id")
    assert _whoami(nobody, token["plaintext"]) == 200


def test_an_expired_token_is_401_and_not_listed(plane: Plane, acme: httpx.Client, nobody: httpx.Client) -> None:
    token = _issue(acme)
    plane.sql("UPDATE plexsphere.api_tokens SET expires_at = now() WHERE id = %s", token["id"])

    assert _whoami(nobody, token["plaintext"]) == 401
    assert token["id"] not in acme.get("/v1/auth/tokens").text
    assert problem(acme.post(f"/v1/auth/tokens/{token['id']}/rotate")) == (404, "token_not_found")


def test_a_browser_needs_the_csrf_headers(plane: Plane) -> None:
    with Browser(plane) as browser:
        browser.sign_in()
        body = {"identity_ref": ACME_ADMIN, "env_prefix": "dev"}
        headers = browser.csrf()

        def refused(**changed: str) -> tuple[int, str]:
            return problem(browser.post("/v1/auth/tokens", json=body, headers={**headers, **changed}))

        assert refused(**{"X-Plexsphere-CSRF": "other"}) == (403, "csrf_token_mismatch")
        assert refused(Origin="https://evil.example") == (403, "csrf_origin_mismatch")
        assert refused(Origin="null") == (403, "csrf_origin_mismatch")
        assert browser.post("/v1/auth/tokens", json=body, headers=headers).status_code == 201


def test_each_write_has_one_event_and_one_audit_row(plane: Plane, acme: httpx.Client) -> None:
    token_id = _issue(acme)["id"]
    acme.post(f"/v1/auth/tokens/{token_id}/rotate")
    acme.delete(f"/v1/auth/tokens/{token_id}")

    events = plane.sql(
        "SELECT event_type, domain_id::text FROM plexsphere.outbox_events WHERE aggregate_id = %s ORDER BY seq",
        token_id,
    )
    acme_id = DOMAINS["acme-corp"]
    assert events == [(name, acme_id) for name in ("APITokenIssued", "APITokenRotated", "APITokenRevoked")]
    rows = plane.sql(
        "SELECT relation, reason FROM plexsphere.audit_entries WHERE chain_id = %s AND object_id = %s ORDER BY seq",
        acme_id,
        token_id,
    )
    assert rows == [(f"auth.token.{name}", "granted") for name in ("issue", "rotate", "revoke")]
