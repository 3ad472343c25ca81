"""Conformance of refresh tokens, userinfo and introspection."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest

from tests.support.oidc_tokens import claims_of, half_hash

if TYPE_CHECKING:
    from tests.support.dex import Idp

SUB = "CiQwOGE4Njg0Yi1kYjg4LTRiNzMtOTBhOS0zY2QxNjYxZjU0NjYSBWxvY2Fs"
INVALID_REFRESH = "Refresh token is invalid or has already been claimed by another client."


def test_a_refresh_token_comes_with_offline_access_and_rotates(idp: Idp) -> None:
    first = idp.tokens(scope="openid email offline_access")

    answer = idp.refresh(first["refresh_token"])
    second = answer.json()

    assert answer.status_code == 200
    assert second["refresh_token"] != first["refresh_token"]
    identity = claims_of(second["id_token"])
    assert (identity["sub"], identity["nonce"], identity["email"]) == (SUB, "the nonce", "admin@example.com")
    assert identity["at_hash"] == half_hash(second["access_token"])
    assert "c_hash" not in identity
    used_twice = idp.refresh(first["refresh_token"])
    assert used_twice.status_code == 400
    assert used_twice.json() == {"error": "invalid_request", "error_description": INVALID_REFRESH}
    assert idp.refresh(second["refresh_token"]).status_code == 200


def test_a_new_sign_in_replaces_the_refresh_token(idp: Idp) -> None:
    old = idp.tokens(scope="openid offline_access")["refresh_token"]
    idp.tokens(scope="openid offline_access")

    assert idp.refresh(old).json() == {"error": "invalid_request", "error_description": INVALID_REFRESH}


def test_refreshing_narrows_scopes_and_never_widens_them(idp: Idp) -> None:
    token = idp.tokens(scope="openid email offline_access")["refresh_token"]

    wider = idp.refresh(token, scope="openid profile groups")
    narrower = idp.refresh(token, scope="openid")

    assert wider.status_code == 400
    assert wider.json() == {
        "error": "invalid_request",
        "error_description": 'Requested scopes contain unauthorized scope(s): ["profile" "groups"].',
    }
    assert "email" not in claims_of(narrower.json()["id_token"])


@pytest.mark.parametrize(
    ("token", "description"),
    [
        ("", "No refresh token is found in request."),
        ("unknown", INVALID_REFRESH),
        ("ChlhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh", INVALID_REFRESH),
        ("\x00\xff", INVALID_REFRESH),
    ],
)
def test_a_bad_refresh_token(idp: Idp, token: str, description: str) -> None:
    answer = idp.refresh(token)

    assert answer.status_code == 400
    assert answer.json() == {"error": "invalid_request", "error_description": description}


def test_the_refresh_token_of_another_client(idp: Idp) -> None:
    token = idp.tokens(scope="openid offline_access")["refresh_token"]

    answer = idp.refresh(token, idp.config.clients[1])

    assert answer.status_code == 400
    assert answer.json() == {"error": "invalid_grant", "error_description": INVALID_REFRESH}


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_userinfo_is_the_content_of_the_token(idp: Idp, scheme: str) -> None:
    token = idp.tokens()["access_token"]

    answer = idp.http.get(idp.url("/userinfo"), headers={"Authorization": f"{scheme} {token}"})

    assert answer.status_code == 200
    assert answer.json() == claims_of(token)


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Basic abc"}, {"Authorization": "Bearer"}])
def test_userinfo_without_a_token(idp: Idp, headers: dict[str, str]) -> None:
    answer = idp.http.get(idp.url("/userinfo"), headers=headers)

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json() == {"error": "access_denied", "error_description": "Invalid bearer token."}


def test_userinfo_with_a_bad_token(idp: Idp) -> None:
    good = idp.tokens()["access_token"]
    header, _, signature = good.split(".")
    changed = (
        base64.urlsafe_b64encode(json.dumps(claims_of(good) | {"email": "root@example.com"}).encode())
        .decode()
        .rstrip("=")
    )
    foreign = base64.urlsafe_b64encode(b'{"iss": "http://elsewhere"}').decode().rstrip("=")
    complaints = {
        "abc": "oidc: malformed jwt: oidc: malformed jwt, expected 3 parts got 1",
        f"{header}.{foreign}.{signature}": "oidc: id token issued by a different provider, "
        f'expected "{idp.config.issuer}" got "http://elsewhere"',
        f"{header}.{changed}.{signature}": "failed to verify signature: failed to verify id token signature",
    }
    for token, complaint in complaints.items():
        answer = idp.http.get(idp.url("/userinfo"), headers={"Authorization": f"Bearer {token}"})

        assert answer.status_code == 403
        assert answer.json() == {"error": "access_denied", "error_description": complaint}


def test_introspection_of_an_access_token(idp: Idp) -> None:
    token = idp.tokens()["access_token"]
    claims = claims_of(token)

    answer = idp.http.post(idp.url("/token/introspect"), data={"token": token})

    assert answer.json() == {
        "active": True,
        "client_id": "plexsphere-test",
        "sub": SUB,
        "exp": claims["exp"],
        "iat": claims["iat"],
        "nbf": claims["iat"],
        "aud": "plexsphere-test",
        "iss": idp.config.issuer,
        "token_type": "Bearer",
        "token_use": "access_token",
        "ext": {"email": "admin@example.com", "email_verified": True, "name": "admin"},
    }


def test_introspection_of_a_refresh_token(idp: Idp) -> None:
    token = idp.tokens(scope="openid offline_access")["refresh_token"]

    answer = idp.http.post(idp.url("/token/introspect"), data={"token": token}).json()

    assert (answer["active"], answer["token_use"], answer["sub"]) == (True, "refresh_token", SUB)
    assert answer["exp"] == answer["iat"] == answer["nbf"]
    assert answer["ext"] == {"email": "admin@example.com", "email_verified": True, "name": "admin"}


@pytest.mark.parametrize("token", ["", "unknown", "a.b.c", "e30.e30.e30"])
def test_introspection_of_another_token(idp: Idp, token: str) -> None:
    answer = idp.http.post(idp.url("/token/introspect"), data={"token": token})

    assert (answer.status_code, answer.json()) == (200, {"active": False})
    assert answer.headers["cache-control"] == "no-store"


def test_introspection_without_a_token(idp: Idp) -> None:
    by_query = idp.http.get(idp.url("/token/introspect"), params={"token": "x"})
    empty = idp.http.post(idp.url("/token/introspect"))
    other = idp.http.post(idp.url("/token/introspect"), data={"other": "x"})

    assert [answer.status_code for answer in (by_query, empty, other)] == [400, 400, 400]
    assert [answer.json()["error_description"] for answer in (by_query, empty, other)] == [
        'HTTP method is "GET", expected "POST".',
        "The POST body can not be empty.",
        "The POST body doesn't contain 'token' parameter.",
    ]
