"""Conformance, first half: the browser's sign-in up to the code."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.dex import Idp

    Ask = Callable[..., dict[str, str]]
    RedirectQuery = Callable[[httpx.Response], dict[str, str]]


@pytest.fixture
def redirect(redirect_query: RedirectQuery, idp: Idp) -> Ask:
    """Sign in with a changed request; the query that the client gets."""

    def ask(**changes: str | None) -> dict[str, str]:
        return redirect_query(idp.open(idp.authorize_url(**changes)))

    return ask


def test_discovery_names_what_is_served(idp: Idp) -> None:
    document = idp.http.get(idp.url("/.well-known/openid-configuration")).json()

    assert document["issuer"] == idp.config.issuer
    assert document["authorization_endpoint"] == idp.url("/auth")
    assert document["code_challenge_methods_supported"] == ["S256", "plain"]
    assert document["response_types_supported"] == ["code"]
    assert document["scopes_supported"] == ["openid", "email", "groups", "profile", "offline_access"]
    assert {"authorization_code", "refresh_token"} <= set(document["grant_types_supported"])
    assert document["token_endpoint_auth_methods_supported"] == ["client_secret_basic", "client_secret_post"]
    for name in ("token_endpoint", "userinfo_endpoint", "introspection_endpoint", "jwks_uri"):
        assert idp.http.get(document[name]).status_code != 404, name


def test_keys_are_for_rs256_signatures(idp: Idp) -> None:
    answer = idp.http.get(idp.url("/keys"))

    assert [(key["kty"], key["use"], key["alg"]) for key in answer.json()["keys"]] == [("RSA", "sig", "RS256")]
    assert answer.headers["cache-control"].endswith("must-revalidate")


def test_health(idp: Idp) -> None:
    answer = idp.http.get(idp.url("/healthz"))

    assert (answer.status_code, answer.text) == (200, "Health check passed")


def test_unknown_path(idp: Idp) -> None:
    assert idp.http.get(idp.url("/nothing")).status_code == 404


def test_an_authorization_request_leads_to_the_login_form(idp: Idp) -> None:
    page = idp.open(idp.authorize_url())

    assert page.status_code == 200
    assert page.url.path == "/dex/auth/local/login"
    assert page.url.params.keys() == {"back", "state"}
    assert 'name="login"' in page.text
    assert 'name="password"' in page.text
    assert "login-error" not in page.text


def test_an_authorization_request_may_be_posted(idp: Idp) -> None:
    url = idp.authorize_url()
    answer = idp.http.post(url.partition("?")[0], data=dict(idp.http.build_request("GET", url).url.params))

    assert answer.status_code == 302
    assert answer.headers["location"].startswith("/dex/auth/local?client_id=plexsphere-test&")


def test_the_right_password_leads_back_to_the_client(idp: Idp, redirect_query: RedirectQuery) -> None:
    answer = idp.sign_in(idp.authorize_url())

    assert answer.headers["location"].startswith("http://localhost:8080/v1/auth/callback?code=")
    assert redirect_query(answer)["state"] == "the state"


def test_the_query_of_the_redirect_uri_is_kept(idp: Idp, redirect_query: RedirectQuery) -> None:
    answer = idp.sign_in(idp.authorize_url(redirect_uri="http://localhost:8080/other?kept=1"))

    assert redirect_query(answer).keys() == {"kept", "code", "state"}


def test_the_email_address_is_not_case_sensitive(idp: Idp) -> None:
    page = idp.open(idp.authorize_url())

    assert idp.submit(page, login="Admin@Example.com", password="password").status_code == 303


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("admin@example.com", "wrong"),
        ("admin@example.com", ""),
        ("admin@example.com", "Password"),
        ("admin@example.com", "x" * 100),
        ("admin@example.com", "nul \0 and ümlaut"),
        ("nobody@example.com", "password"),
    ],
)
def test_a_wrong_password_asks_again(idp: Idp, email: str, password: str) -> None:
    page = idp.open(idp.authorize_url())

    refused = idp.submit(page, login=email, password=password)

    assert refused.status_code == 401
    assert 'id="login-error"' in refused.text
    assert "Invalid Email Address and password." in refused.text
    assert idp.submit(refused, login="admin@example.com", password="password").status_code == 303


def test_what_was_typed_is_escaped(idp: Idp) -> None:
    refused = idp.submit(idp.open(idp.authorize_url()), login='"><script>', password="wrong")

    assert "<script>" not in refused.text.partition("login-error")[0]


def test_a_sign_in_gives_one_code(idp: Idp) -> None:
    page = idp.open(idp.authorize_url())
    idp.submit(page, login="admin@example.com", password="password")

    again = idp.submit(page, login="admin@example.com", password="password")

    assert again.status_code == 400
    assert "Requested resource does not exist." in again.text


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("/auth/local/login", 400, "User session error."),
        ("/auth/local/login?state=unknown", 400, "Requested resource does not exist."),
        ("/auth?connector_id=unknown", 400, "Connector ID does not match a valid Connector"),
        ("/auth", 404, "Invalid client_id (&#34;&#34;)."),
        ("/approval", 401, "Unauthorized request"),
        ("/approval?hmac=AAAA&req=unknown", 500, "Database error."),
        ("/approval?hmac=!&req=unknown", 401, "Unauthorized request"),
    ],
)
def test_an_address_without_a_sign_in(idp: Idp, path: str, status: int, message: str) -> None:
    page = idp.open(idp.url(path))

    assert page.status_code == status
    assert message in page.text.replace("&quot;", "&#34;")


def test_an_unknown_client(idp: Idp) -> None:
    page = idp.open(idp.authorize_url(client_id="unknown"))

    assert page.status_code == 404
    assert "Invalid client_id (&#34;unknown&#34;)." in page.text.replace("&quot;", "&#34;")


@pytest.mark.parametrize("path", ["/auth", "/auth/local"])
def test_a_query_that_cannot_be_read(idp: Idp, path: str) -> None:
    page = idp.http.get(idp.url(path) + "?client_id=%zz")

    assert page.status_code == 400


def test_a_redirect_uri_that_was_encoded_twice(idp: Idp) -> None:
    twice = quote(idp.config.clients[0].redirect_uris[0], safe="")

    assert idp.open(idp.authorize_url(redirect_uri=twice)).status_code == 200


def test_a_redirect_uri_that_cannot_be_decoded(idp: Idp) -> None:
    page = idp.open(idp.authorize_url(redirect_uri="http://localhost/%zz", client_id="unknown"))

    assert page.status_code == 400
    assert "No redirect_uri provided." in page.text


def test_an_unknown_connector(idp: Idp) -> None:
    page = idp.open(idp.authorize_url().replace("/auth?", "/auth/unknown?"))

    assert page.status_code == 400
    assert "Requested resource does not exist" in page.text


@pytest.mark.parametrize(
    "uri",
    [
        "http://localhost:8080/v1/auth/callback/",
        "http://localhost:8080/v1/auth/callback?more=1",
        "http://localhost:8080/V1/auth/callback",
        "http://LOCALHOST:8080/v1/auth/callback",
        "http://localhost:8080/v1/auth/callback#part",
        "http://localhost:8080/v1/auth",
        "https://localhost:8080/v1/auth/callback",
        "urn:ietf:wg:oauth:2.0:oob",
        "",
        None,
    ],
)
def test_a_redirect_uri_must_match_exactly(idp: Idp, uri: str | None) -> None:
    page = idp.open(idp.authorize_url(redirect_uri=uri))

    assert page.status_code == 400
    assert f"Unregistered redirect_uri (&#34;{uri or ''}&#34;)." in page.text.replace("&quot;", "&#34;")


@pytest.mark.parametrize(
    ("changes", "error", "description"),
    [
        ({"scope": "profile"}, "invalid_scope", 'Missing required scope(s) ["openid"].'),
        ({"scope": None}, "invalid_scope", 'Missing required scope(s) ["openid"].'),
        ({"scope": "openid a b"}, "invalid_scope", 'Unrecognized scope(s) ["a" "b"]'),
        (
            {"scope": "openid audience:server:client_id:other"},
            "invalid_scope",
            'Client can\'t request scope(s) ["audience:server:client_id:other"]',
        ),
        (
            {"code_challenge": "c", "code_challenge_method": "S512"},
            "invalid_request",
            'Unsupported PKCE challenge method ("S512").',
        ),
        ({"response_type": None}, "invalid_request", "No response_type provided"),
        ({"response_type": "x"}, "invalid_request", 'Invalid response type "x"'),
        ({"response_type": "id_token"}, "unsupported_response_type", 'Unsupported response type "id_token"'),
        ({"response_type": "code token"}, "unsupported_response_type", 'Unsupported response type "token"'),
        ({"request": "eyJ"}, "request_not_supported", "Server does not support request parameter."),
    ],
)
def test_the_client_is_told_what_it_cannot_have(
    redirect: Ask, changes: dict[str, str | None], error: str, description: str
) -> None:
    assert redirect(**changes) == {"state": "the state", "error": error, "error_description": description}


def test_an_error_keeps_the_query_of_the_redirect_uri(redirect: Ask) -> None:
    query = redirect(redirect_uri="http://localhost:8080/other?kept=1", scope="email")

    assert (query["kept"], query["error"]) == ("1", "invalid_scope")


def test_approval_is_asked_for_where_the_client_forces_it(idp: Idp, redirect_query: RedirectQuery) -> None:
    page = idp.sign_in(idp.authorize_url(approval_prompt="force", scope="openid email offline_access"))

    assert page.status_code == 200
    assert page.url.path == "/dex/approval"
    assert page.url.params.keys() == {"req", "hmac"}
    assert "The plexsphere API would like to:" in page.text
    assert "View your email address" in page.text
    assert "Have offline access" in page.text
    assert redirect_query(idp.submit(page)).keys() == {"code", "state"}


def test_a_rejected_approval(idp: Idp) -> None:
    page = idp.sign_in(idp.authorize_url(approval_prompt="force"))

    rejected = idp.submit(page, approval="rejected")

    assert rejected.status_code == 500
    assert "Approval rejected." in rejected.text


def test_an_approval_needs_the_browser_that_signed_in(idp: Idp) -> None:
    page = idp.sign_in(idp.authorize_url(approval_prompt="force"))
    forged = page.url.copy_set_param("hmac", "AAAA")

    assert idp.open(str(forged)).status_code == 401


def test_an_approval_needs_a_password_first(idp: Idp) -> None:
    login = idp.open(idp.authorize_url(approval_prompt="force"))

    page = idp.open(idp.url(f"/approval?hmac=AAAA&req={login.url.params['state']}"))

    assert page.status_code == 500
    assert "Login process not yet finalized." in page.text
