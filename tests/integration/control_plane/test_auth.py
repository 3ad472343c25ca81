from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.support.browsing import ADMIN, CSRF, MEMBER, SESSION, Browser, problem
from tests.support.control_plane import DOMAINS, UNKNOWN_ID, Plane

ACME, BETA = DOMAINS["acme-corp"], DOMAINS["beta-llc"]
ACME_BINDING = "01985a00-0000-7000-8000-00000000ac11"
BETA_BINDING = "01985a00-0000-7000-8000-00000000be11"
ACME_ADMIN = "01985a00-0000-7000-8000-00000000ac21"


# ---- the start ------------------------------------------------------------------------


def test_a_sign_in_starts_with_the_authorization_url(plane: Plane, browser: Browser) -> None:
    answer = browser.start()

    assert set(answer) == {"authorization_url", "state", "code_verifier_handle", "nonce"}
    url = urlsplit(answer["authorization_url"])
    assert f"{url.scheme}://{url.netloc}{url.path}" == f"{plane.issuer}/auth"
    query = {name: values[0] for name, values in parse_qs(url.query).items()}
    assert len(query.pop("code_challenge")) == 43
    assert query == {
        "client_id": "plexsphere-test",
        "response_type": "code",
        "redirect_uri": f"{plane.url}/v1/auth/callback",
        "scope": "openid profile email groups",
        "state": answer["state"],
        "nonce": answer["nonce"],
        "code_challenge_method": "S256",
    }


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"domain_id": "acme-corp"},
        {"domain_id": 7},
        {"idp_binding_id": ACME_BINDING},
        {"domain_id": ACME, "idp_binding_id": BETA_BINDING},
        {"domain_id": ACME, "unknown": True},
        {"domain_id": ACME, "return_to": "x" * 4097},
        {"domain_id": ACME, "prompt": "a\0b"},
    ],
)
def test_a_sign_in_that_cannot_be_resolved_is_400(nobody: httpx.Client, body: dict[str, object]) -> None:
    assert problem(nobody.post("/v1/auth/sign-in", json=body)) == (400, "invalid_body")


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff", b'{"domain_id":"\\ud800"}', b"{" * 5000])
def test_a_sign_in_that_is_no_object_is_400(nobody: httpx.Client, body: bytes) -> None:
    assert problem(nobody.post("/v1/auth/sign-in", content=body)) == (400, "invalid_body")


def test_a_sign_in_without_an_active_binding_is_404(nobody: httpx.Client) -> None:
    for body in (
        {"domain_id": UNKNOWN_ID},
        {"domain_id": ACME, "idp_binding_id": UNKNOWN_ID},
        {"idp_binding_id": UNKNOWN_ID},
    ):
        assert problem(nobody.post("/v1/auth/sign-in", json=body)) == (404, "binding_not_found")


@pytest.mark.parametrize(
    "return_to",
    [
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "https://evil.example/",
        "javascript:alert(1)",
        "/v1/domains",
        "/v1/devices",
        "/\t/evil.example",
        "http://localhost:1@evil.example/",
        "http:///v1/device",
        "http://[/",
        "",
        "/v1/device?x=\r\nSet-Cookie: a=b",
    ],
)
def test_return_to_is_no_open_redirect(plane: Plane, nobody: httpx.Client, return_to: str) -> None:
    response = nobody.post("/v1/auth/sign-in", json={"domain_id": ACME, "return_to": return_to})

    assert problem(response) == (400, "invalid_body")
    assert "return_to" in response.json()["detail"]


def test_the_start_is_audited_as_nobody(plane: Plane, browser: Browser) -> None:
    before = plane.sql("SELECT coalesce(max(seq), 0) FROM plexsphere.audit_entries WHERE chain_id = %s", ACME)[0][0]
    browser.sign_in()

    rows = plane.sql(
        "SELECT relation, reason, object_type, identity_id_ref::text FROM plexsphere.audit_entries"
        " WHERE chain_id = %s AND seq > %s ORDER BY seq",
        ACME,
        before,
    )
    assert rows == [
        ("auth.sign_in.start", "granted", "idp_binding", None),
        ("auth.sign_in.complete", "granted", "user", ACME_ADMIN),
    ]


# ---- the callback ---------------------------------------------------------------------


def test_a_sign_in_ends_with_both_cookies(browser: Browser) -> None:
    response = browser.sign_in()

    assert response.status_code == 303
    assert response.headers["location"] == "/"
    session, csrf = response.headers.get_list("set-cookie")
    assert session.startswith(f"{SESSION}=")
    assert session.partition("; ")[2] == "Path=/v1/; Max-Age=43200; HttpOnly; SameSite=Strict"
    assert csrf.startswith(f"{CSRF}=")
    assert csrf.partition("; ")[2] == "Path=/; Max-Age=43200; SameSite=Strict"
    assert len(browser.cookie(SESSION) or "") == 43


def test_whoami_of_a_session_and_of_a_token(plane: Plane, browser: Browser) -> None:
    browser.sign_in()

    expected = {
        "principal_type": "user",
        "principal_scope": "domain",
        "subject": ACME_ADMIN,
        "domain_id": ACME,
        "email": ADMIN,
    }
    assert browser.get("/v1/auth/whoami").json() == expected
    with plane.client() as client:
        assert client.get("/v1/auth/whoami").json() == expected


def test_whoami_of_nobody_is_401(nobody: httpx.Client) -> None:
    for headers in (
        {},
        {"Authorization": "Bearer psk_dev_x"},
        {"Cookie": f"{SESSION}=x"},
        {"Authorization": "Basic x"},
    ):
        assert problem(nobody.get("/v1/auth/whoami", headers=headers)) == (401, "unauthenticated")


def test_sign_in_adopts_a_seeded_user_and_provisions_a_new_one(plane: Plane, browser: Browser) -> None:
    browser.sign_in()
    assert plane.sql("SELECT last_sign_in_at IS NOT NULL FROM plexsphere.users WHERE id = %s", ACME_ADMIN) == [(True,)]

    browser.sign_in("gamma-coop", MEMBER)
    first = browser.get("/v1/auth/whoami").json()
    browser.sign_in("gamma-coop", MEMBER)

    assert browser.get("/v1/auth/whoami").json() == first
    assert (first["email"], first["domain_id"]) == (MEMBER, DOMAINS["gamma-coop"])
    events = plane.sql(
        "SELECT payload->>'provisioned' FROM plexsphere.outbox_events"
        " WHERE event_type = 'UserSignedIn' AND aggregate_id = %s ORDER BY seq",
        first["subject"],
    )
    assert events[0] == ("true",)
    assert set(events[1:]) == {("false",)}  # here, and wherever else this person signs in


def test_people_who_sign_in_at_the_same_moment_are_one_user(plane: Plane) -> None:
    plane.sql("DELETE FROM plexsphere.users WHERE email = %s AND domain_id = %s", MEMBER, BETA)

    def subject(_: int) -> str:
        with Browser(plane) as browser:
            assert browser.sign_in("beta-llc", MEMBER).status_code == 303
            return str(browser.get("/v1/auth/whoami").json()["subject"])

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(subject, range(4)))) == 1


def test_return_to_is_honoured(plane: Plane, browser: Browser) -> None:
    target = "/v1/device?user_code=ABCD-EFGH"
    assert browser.sign_in(return_to=target).headers["location"] == target
    assert browser.sign_in(return_to=f"{plane.url}/x").headers["location"] == f"{plane.url}/x"
