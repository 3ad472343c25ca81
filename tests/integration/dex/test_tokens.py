"""Conformance, second half: the exchange of a code, and the content of the tokens."""

from __future__ import annotations

import base64
import hashlib
import warnings
from typing import TYPE_CHECKING
from urllib.parse import quote_plus

import authlib.deprecate
import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.support.oidc_tokens import claims_of, half_hash

# authlib.deprecate shows every deprecation of Authlib's: the one exception has to come after its import.
with warnings.catch_warnings():
    warnings.filterwarnings("ignore", "The httpx module is deprecated", authlib.deprecate.AuthlibDeprecationWarning)
    from authlib.integrations.httpx_client import OAuth2Client
    from authlib.oidc.core import CodeIDToken

if TYPE_CHECKING:
    from tests.support.dex import Idp

SUB = "CiQwOGE4Njg0Yi1kYjg4LTRiNzMtOTBhOS0zY2QxNjYxZjU0NjYSBWxvY2Fs"
VERIFIER = "a-code-verifier-of-at-least-forty-three-characters"
S256 = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
INVALID_CODE = {"error": "invalid_grant", "error_description": "Invalid or expired code parameter."}
INVALID_CLIENT = {"error": "invalid_client", "error_description": "Invalid client credentials."}


@pytest.mark.parametrize("auth_method", ["client_secret_basic", "client_secret_post"])
def test_code_and_pkce_with_an_independent_client(idp: Idp, auth_method: str) -> None:
    client = idp.config.clients[0]
    discovered = idp.http.get(idp.url("/.well-known/openid-configuration")).json()
    with OAuth2Client(
        client.id,
        client.secret,
        token_endpoint_auth_method=auth_method,
        scope="openid profile email groups",
        redirect_uri=client.redirect_uris[0],
        code_challenge_method="S256",
    ) as relying_party:
        url, state = relying_party.create_authorization_url(
            discovered["authorization_endpoint"], code_verifier=VERIFIER, nonce="n-0S6_WzA2Mj"
        )
        callback = idp.sign_in(url).headers["location"]
        token = relying_party.fetch_token(
            discovered["token_endpoint"], authorization_response=callback, state=state, code_verifier=VERIFIER
        )

    keys = KeySet.import_key_set(idp.http.get(discovered["jwks_uri"]).json())
    decoded = jwt.decode(token["id_token"], keys, algorithms=["RS256"])
    claims = CodeIDToken(
        decoded.claims,
        decoded.header,
        options={"iss": {"value": idp.config.issuer}, "aud": {"value": client.id}},
        params={
            "nonce": "n-0S6_WzA2Mj",
            "access_token": token["access_token"],
            "code": httpx.URL(callback).params["code"],
        },
    )
    claims.validate(leeway=5)
    assert claims["sub"] == SUB
    assert (claims["email"], claims["email_verified"], claims["name"]) == ("admin@example.com", True, "admin")


def test_the_answer_of_the_token_endpoint(idp: Idp) -> None:
    answer = idp.exchange(idp.code())

    assert answer.json().keys() == {"access_token", "token_type", "expires_in", "id_token"}
    assert answer.json()["token_type"] == "bearer"
    assert 86390 <= answer.json()["expires_in"] <= 86400
    assert (answer.headers["cache-control"], answer.headers["pragma"]) == ("no-store", "no-cache")


def test_every_claim(idp: Idp) -> None:
    code = idp.code()
    token = idp.exchange(code).json()

    claims = claims_of(token["id_token"])

    assert claims["exp"] - claims["iat"] == 86400
    assert claims == {
        "iss": idp.config.issuer,
        "sub": SUB,
        "aud": "plexsphere-test",
        "exp": claims["exp"],
        "iat": claims["iat"],
        "nonce": "the nonce",
        "at_hash": half_hash(token["access_token"]),
        "c_hash": half_hash(code),
        "email": "admin@example.com",
        "email_verified": True,
        "name": "admin",
    }


def test_the_access_token_is_a_jwt_too(idp: Idp) -> None:
    token = idp.tokens()

    access, identity = claims_of(token["access_token"]), claims_of(token["id_token"])

    assert access.keys() == identity.keys() - {"c_hash"}
    assert access["sub"] == SUB


def test_claims_follow_scopes(idp: Idp) -> None:
    plain = claims_of(idp.tokens(scope="openid", nonce=None)["id_token"])
    federated = claims_of(idp.tokens(scope="openid federated:id")["id_token"])

    assert plain.keys() == {"iss", "sub", "aud", "exp", "iat", "at_hash", "c_hash"}
    assert federated["federated_claims"] == {
        "connector_id": "local",
        "user_id": "08a8684b-db88-4b73-90a9-3cd1661f5466",
    }


def test_its_own_audience_is_the_client(idp: Idp) -> None:
    token = idp.tokens(scope="openid audience:server:client_id:plexsphere-test")

    assert claims_of(token["id_token"])["aud"] == "plexsphere-test"


@pytest.mark.parametrize(
    ("challenge", "method"), [(S256, "S256"), (VERIFIER, "plain"), (VERIFIER, None)], ids=["S256", "plain", "default"]
)
def test_pkce_methods(idp: Idp, challenge: str | None, method: str | None) -> None:
    code = idp.code(code_challenge=challenge, code_challenge_method=method)

    assert idp.exchange(code, code_verifier=VERIFIER).status_code == 200


@pytest.mark.parametrize(
    ("challenge", "method", "sent", "error", "description"),
    [
        (S256, "S256", {"code_verifier": VERIFIER + "x"}, "invalid_grant", "Invalid code_verifier."),
        (S256, "S256", {"code_verifier": S256}, "invalid_grant", "Invalid code_verifier."),
        (VERIFIER, "plain", {"code_verifier": S256}, "invalid_grant", "Invalid code_verifier."),
        (S256, "plain", {"code_verifier": VERIFIER}, "invalid_grant", "Invalid code_verifier."),
        (S256, "S256", {}, "invalid_grant", "Expecting parameter code_verifier in PKCE flow."),
        (
            None,
            None,
            {"code_verifier": VERIFIER},
            "invalid_request",
            "No PKCE flow started. Cannot check code_verifier.",
        ),
    ],
)
def test_a_bad_verifier(
    idp: Idp, challenge: str | None, method: str | None, sent: dict[str, str], error: str, description: str
) -> None:
    code = idp.code(code_challenge=challenge, code_challenge_method=method)

    answer = idp.exchange(code, **sent)

    assert answer.status_code == 400
    assert answer.json() == {"error": error, "error_description": description}


def test_a_bad_verifier_does_not_spend_the_code(idp: Idp) -> None:
    code = idp.code(code_challenge=S256, code_challenge_method="S256")
    idp.exchange(code, code_verifier="wrong")

    assert idp.exchange(code, code_verifier=VERIFIER).status_code == 200


def test_a_code_works_once(idp: Idp) -> None:
    code = idp.code()
    idp.exchange(code)

    again = idp.exchange(code)

    assert (again.status_code, again.json()) == (400, INVALID_CODE)


def test_an_unknown_code(idp: Idp) -> None:
    answer = idp.exchange("unknown")

    assert (answer.status_code, answer.json()) == (400, INVALID_CODE)


def test_no_code(idp: Idp) -> None:
    answer = idp.exchange("")

    assert answer.status_code == 400
    assert answer.json() == {"error": "invalid_request", "error_description": "Required param: code."}


def test_the_code_of_another_client(idp: Idp) -> None:
    answer = idp.exchange(idp.code(), idp.config.clients[1])

    assert (answer.status_code, answer.json()) == (500, {"error": "server_error"})


def test_another_redirect_uri_than_at_the_beginning(idp: Idp) -> None:
    answer = idp.exchange(idp.code(), redirect_uri="http://localhost:8080/other?kept=1")

    assert answer.status_code == 400
    assert answer.json() == {
        "error": "invalid_request",
        "error_description": "redirect_uri did not match URI from initial request.",
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"client_secret": "wrong"},
        {"client_secret": ""},
        {"client_id": "unknown"},
        {"client_id": ""},
        {"client_secret": "ümlaut"},
    ],
)
def test_bad_client_credentials(idp: Idp, changes: dict[str, str]) -> None:
    answer = idp.exchange("any", **changes)

    assert (answer.status_code, answer.json()) == (401, INVALID_CLIENT)
    assert "www-authenticate" not in answer.headers


def test_credentials_in_the_header_are_form_encoded(idp: Idp) -> None:
    client = idp.config.clients[1]
    unknown_code = {"grant_type": "authorization_code", "code": "unknown"}

    encoded = idp.http.post(idp.url("/token"), data=unknown_code, auth=(client.id, quote_plus(client.secret)))
    bare = idp.http.post(idp.url("/token"), data=unknown_code, auth=(client.id, client.secret))

    assert encoded.json() == INVALID_CODE
    assert bare.status_code == 400
    assert bare.json() == {"error": "invalid_request", "error_description": "client_secret improperly encoded"}


def test_a_body_that_is_no_form(idp: Idp) -> None:
    answer = idp.http.post(
        idp.url("/token"),
        content=b"grant_type=authorization_code&code=%zz",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )

    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_request"})


def test_bad_client_credentials_in_the_header(idp: Idp) -> None:
    answer = idp.http.post(
        idp.url("/token"), data={"grant_type": "authorization_code"}, auth=("plexsphere-test", "wrong")
    )

    assert (answer.status_code, answer.json()) == (401, INVALID_CLIENT)


@pytest.mark.parametrize("grant_type", ["", "client_credentials", "password", "unknown"])
def test_an_unsupported_grant_type(idp: Idp, grant_type: str) -> None:
    answer = idp.exchange("any", grant_type=grant_type)

    assert (answer.status_code, answer.json()) == (400, {"error": "unsupported_grant_type"})


def test_the_token_endpoint_takes_only_forms_that_are_posted(idp: Idp) -> None:
    by_query = idp.http.get(idp.url("/token"), params={"grant_type": "authorization_code"})
    as_json = idp.http.post(idp.url("/token"), json={"grant_type": "authorization_code"})

    assert by_query.status_code == 400
    assert by_query.json() == {"error": "invalid_request", "error_description": "method not allowed"}
    assert (as_json.status_code, as_json.json()) == (400, {"error": "unsupported_grant_type"})
