"""The client behind ``plexdev_oidc``, against both identity providers and a dishonest one."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from pytest_plexdev import PlexdevError
from pytest_plexdev.api import Client
from pytest_plexdev.api.transport import Transport
from pytest_plexdev.core.clock import unix_time
from pytest_plexdev.testkit.oidc import Oidc
from pytest_plexdev.testkit.oidc_types import OidcClient
from tests.support.dex import CLIENT, OTHER_CLIENT, Idp
from tests.support.oidc_tokens import claims_of

KEY = RSAKey.generate_key(2048, parameters={"kid": "of-another"})
HERE = OidcClient(id=CLIENT.id, secret=CLIENT.secret, redirect_uri=CLIENT.redirect_uris[0])


@pytest.fixture
def anonymous() -> Iterator[Client]:
    client = Client(Transport("http://localhost:8080"))
    yield client
    client.transport.close()


@pytest.fixture
def oidc(idp: Idp, anonymous: Client) -> Oidc:
    return Oidc(anonymous, idp.config.issuer, client=HERE, log="dex.log")


def test_a_person_signs_in(oidc: Oidc, idp: Idp) -> None:
    tokens = oidc("admin@example.com")

    assert tokens.claims["iss"] == oidc.issuer == idp.config.issuer
    assert (tokens.claims["aud"], tokens.claims["email"]) == (CLIENT.id, "admin@example.com")
    assert tokens.claims == claims_of(tokens.id_token)
    assert tokens.refresh_token == ""
    assert 86390 < tokens.expires_at - unix_time() <= 86400
    assert oidc.validate(tokens.id_token, nonce=tokens.claims["nonce"]) == tokens.claims


def test_scopes_decide_on_claims_and_a_refresh_token(oidc: Oidc) -> None:
    tokens = oidc("admin@example.com", scope="openid offline_access")

    assert tokens.refresh_token
    assert "email" not in tokens.claims


def test_another_client_and_its_secret_of_any_characters(oidc: Oidc) -> None:
    other = OidcClient(id=OTHER_CLIENT.id, secret=OTHER_CLIENT.secret, redirect_uri=CLIENT.redirect_uris[1])

    tokens = oidc("admin@example.com", client=other)

    assert oidc.validate(tokens.id_token, client_id="other")["aud"] == "other"
    with pytest.raises(PlexdevError, match=r"not valid for the client plexsphere-test: .*aud"):
        oidc.validate(tokens.id_token)


def test_each_sign_in_has_a_state_nonce_and_challenge_of_its_own(oidc: Oidc, anonymous: Client) -> None:
    first, second = oidc(), oidc()

    assert first.claims["nonce"] != second.claims["nonce"]
    queries = [parse_qs(urlsplit(str(each.url)).query) for each in anonymous.transport.exchanges._exchanges]
    sent = [query for query in queries if "code_challenge" in query and "nonce" in query]
    assert {query["code_challenge_method"][0] for query in sent} == {"S256"}
    assert len({query["code_challenge"][0] for query in sent}) == len({query["state"][0] for query in sent}) == 2


def test_a_program_signs_in_by_itself(oidc: Oidc, idp: Idp) -> None:
    callback = oidc.open(idp.authorize_url(state="of the program"))

    query = parse_qs(urlsplit(callback).query)
    assert callback.startswith(f"{HERE.redirect_uri}?")
    assert query["state"] == ["of the program"]
    tokens = idp.exchange(query["code"][0]).json()
    assert oidc.validate(tokens["id_token"], nonce="the nonce")["name"] == "admin"
    with pytest.raises(PlexdevError, match=r"plexdev.oidc-token.*nonce"):
        oidc.validate(tokens["id_token"], nonce="another")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"user": "nobody@example.com"}, "sign-in-refused.*nobody@example.com"),
        ({"password": "wrong"}, "sign-in-refused(?s:.*)Invalid Email Address and password"),
        ({"client": replace(HERE, secret="wrong")}, "oidc-refused.*plexsphere-test: invalid_client"),
        ({"client": replace(HERE, id="unknown")}, "sign-in-page.*(?s:.*)Invalid client_id"),
        ({"client": replace(HERE, redirect_uri="http://localhost:1/")}, "sign-in-page(?s:.*)Unregistered redirect_uri"),
        ({"scope": "email"}, r"oidc-refused.*Missing required scope"),
    ],
    ids=["user", "password", "secret", "client", "redirect-uri", "scope"],
)
def test_what_is_refused(oidc: Oidc, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(PlexdevError, match=message):
        oidc(**arguments)


def _expired(claims: dict[str, Any]) -> dict[str, Any]:
    return claims | {"exp": int(unix_time()) - 61, "iat": int(unix_time()) - 100}


def _of_another_issuer(claims: dict[str, Any]) -> dict[str, Any]:
    return claims | {"iss": "http://localhost:1/dex"}


def _early(claims: dict[str, Any]) -> dict[str, Any]:
    return claims | {"iat": int(unix_time()) + 300}


@pytest.mark.parametrize("change", [_expired, _of_another_issuer, _early])
def test_a_signed_token_with_wrong_claims(
    oidc: Oidc, monkeypatch: pytest.MonkeyPatch, change: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    claims = claims_of(oidc().id_token)
    monkeypatch.setattr(KeySet, "import_key_set", lambda _: KEY)
    token = jwt.encode({"alg": "RS256", "kid": "of-another"}, change(claims), KEY)

    with pytest.raises(PlexdevError, match=r"plexdev.oidc-token"):
        oidc.validate(token)
    assert oidc.validate(jwt.encode({"alg": "RS256", "kid": "of-another"}, claims, KEY)) == claims


def test_a_signature_of_another_key(oidc: Oidc) -> None:
    header, claims, _ = oidc().id_token.split(".")
    forged = jwt.encode(json.loads(base64.urlsafe_b64decode(f"{header}==")), claims_of(f"{header}.{claims}."), KEY)

    with pytest.raises(PlexdevError, match=r"plexdev.oidc-token.*bad_signature"):
        oidc.validate(forged)


@pytest.mark.parametrize("token", ["", "no.jwt", "eyJhbGciOiJub25lIn0.e30."])
def test_what_is_no_signed_token(oidc: Oidc, token: str) -> None:
    with pytest.raises(PlexdevError, match=r"plexdev.oidc-token"):
        oidc.validate(token)


def test_an_unknown_key(oidc: Oidc) -> None:
    token = jwt.encode({"alg": "RS256", "kid": "of-another"}, claims_of(oidc().id_token), KEY)

    with pytest.raises(PlexdevError, match=r"plexdev.oidc-token"):
        oidc.validate(token)


def test_no_identity_provider(anonymous: Client) -> None:
    nowhere = Oidc(anonymous, "http://localhost:1/dex", client=HERE, log="dex.log")

    with pytest.raises(PlexdevError, match=r"plexdev.api-unreachable.*localhost:1/dex"):
        nowhere()


def test_the_exchanges_show_no_secret(oidc: Oidc, anonymous: Client) -> None:
    tokens = oidc("admin@example.com", scope="openid offline_access")

    shown = "\n".join(map(str, anonymous.transport.exchanges))
    assert f"GET {urlsplit(oidc.issuer).path}/auth" in shown.replace(oidc.issuer, urlsplit(oidc.issuer).path)
    for secret in (tokens.id_token, tokens.access_token, tokens.refresh_token, CLIENT.secret, tokens.claims["nonce"]):
        assert secret not in shown
    for token in (tokens.id_token, tokens.access_token, tokens.refresh_token):
        assert token not in repr(tokens)
    assert "login=admin%40example.com&password=***" in shown
    assert httpx.URL(oidc.metadata["token_endpoint"]).path in shown
