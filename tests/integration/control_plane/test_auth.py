from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.integration.control_plane.browsing import ADMIN, CSRF, MEMBER, SESSION, Browser, problem
from tests.integration.control_plane.conftest import DOMAINS, UNKNOWN_ID, Plane

ACME, BETA = DOMAINS["acme-corp"], DOMAINS["beta-llc"]
ACME_BINDING = "01985a00-0000-7000-8000-00000000ac11"
BETA_BINDING = "01985a00-0000-7000-8000-00000000be11"
ACME_ADMIN = "01985a00-0000-7000-8000-00000000ac21"


@pytest.fixture
def browser(plane: Plane) -> Iterator[Browser]:
    with Browser(plane) as browser:
        yield browser


def _error(response: httpx.Response) -> tuple[str, str]:
    """Kind and status of a failure that a browser is told."""
    assert response.status_code == 303
    assert "set-cookie" not in response.headers
    parts = urlsplit(response.headers["location"])
    assert parts.path == "/"
    assert parts.netloc == ""
    query = parse_qs(parts.query)
    assert query["auth_error_detail"][0]
    return query["auth_error_kind"][0], query["auth_error_status"][0]


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


def test_a_sign_in_adopts_the_seeded_user_and_another_person_is_provisioned(plane: Plane, browser: Browser) -> None:
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


def test_a_callback_works_once(browser: Browser) -> None:
    url = browser.callback_url(browser.start()["authorization_url"])

    assert browser.get(url).headers["location"] == "/"
    assert _error(browser.get(url)) == ("state_unknown", "400")


def test_a_callback_that_comes_too_late_is_refused(plane: Plane, browser: Browser) -> None:
    url = browser.callback_url(browser.start()["authorization_url"])
    plane.sql("UPDATE plexsphere.sign_ins SET expires_at = now() - interval '1 second'")

    assert _error(browser.get(url)) == ("state_unknown", "400")
    browser.start()
    assert plane.sql("SELECT count(*) FROM plexsphere.sign_ins WHERE expires_at < now()") == [(0,)]


SIGN_IN = "plexsphere_sign_in"


def test_a_sign_in_sets_a_cookie_for_its_browser(nobody: httpx.Client) -> None:
    response = nobody.post("/v1/auth/sign-in", json={"domain_id": ACME})

    (cookie,) = response.headers.get_list("set-cookie")
    assert cookie.startswith(f"{SIGN_IN}=")
    assert cookie.partition("; ")[2] == "Path=/v1/; Max-Age=600; HttpOnly; SameSite=Lax"
    assert len(response.cookies[SIGN_IN]) == 43


def test_a_callback_in_another_browser_is_refused_and_does_no_harm(plane: Plane, browser: Browser) -> None:
    """Whoever gets a person to open this link would have them signed in as somebody else."""
    url = browser.callback_url(browser.start()["authorization_url"])
    with Browser(plane) as other:
        assert _error(other.get(url)) == ("state_unknown", "400")
        other.start()
        assert _error(other.get(url)) == ("state_unknown", "400")
        for value in ("", "x", "A" * 43, "é" * 43, browser.cookie(SIGN_IN) or ""):
            other.cookies.clear()
            forged = other.get(url, headers={b"Cookie": f"{SIGN_IN}={value}".encode()})
            if value != browser.cookie(SIGN_IN):
                assert _error(forged) == ("state_unknown", "400")
    assert forged.headers["location"] == "/"


def test_two_tabs_of_a_browser_sign_in_at_once(browser: Browser) -> None:
    tabs = [browser.start(slug)["authorization_url"] for slug in ("acme-corp", "beta-llc")]
    urls = [browser.callback_url(each) for each in tabs]

    assert [browser.get(url).headers["location"] for url in urls] == ["/", "/"]


def test_a_value_that_a_browser_made_up_is_not_kept(plane: Plane, nobody: httpx.Client) -> None:
    response = nobody.post("/v1/auth/sign-in", json={"domain_id": ACME}, headers={"Cookie": f"{SIGN_IN}=short"})

    assert len(response.cookies[SIGN_IN]) == 43


def test_the_device_page_s_sign_in_belongs_to_its_browser_too(plane: Plane, nobody: httpx.Client) -> None:
    code = nobody.post("/v1/auth/device-code", json={"domain_id": ACME}).json()["user_code"]
    with Browser(plane) as mine, Browser(plane) as other:
        url = mine.callback_url(mine.get("/v1/device", params={"user_code": code}).headers["location"])

        assert _error(other.get(url)) == ("state_unknown", "400")
        assert mine.get(url).headers["location"].startswith("/v1/device?")


def test_a_code_of_another_sign_in_is_refused(browser: Browser) -> None:
    mine, theirs = browser.start(), browser.start()
    code = parse_qs(urlsplit(browser.callback_url(theirs["authorization_url"])).query)["code"][0]

    response = browser.get("/v1/auth/callback", params={"code": code, "state": mine["state"]})

    assert _error(response) == ("code_rejected", "400")
    assert browser.cookie(SESSION) is None


@pytest.mark.parametrize("accept", ["application/json", "application/problem+json", "Application/JSON;q=0.9, */*"])
def test_programs_are_told_a_failure_as_a_problem(nobody: httpx.Client, accept: str) -> None:
    response = nobody.get("/v1/auth/callback", params={"code": "x", "state": "y"}, headers={"Accept": accept})

    assert problem(response) == (400, "state_unknown")


@pytest.mark.parametrize("accept", ["*/*", "", "text/html, application/json"])
def test_browsers_are_told_a_failure_by_a_redirect(nobody: httpx.Client, accept: str) -> None:
    response = nobody.get("/v1/auth/callback", params={"code": "x", "state": "y"}, headers={"Accept": accept})

    assert _error(response) == ("state_unknown", "400")


@pytest.mark.parametrize("query", ["", "code=x", "state=y", "code=&state="])
def test_a_callback_without_its_parameters_is_400(nobody: httpx.Client, query: str) -> None:
    response = nobody.get(f"/v1/auth/callback?{query}", headers={"Accept": "application/json"})

    assert problem(response) == (400, "invalid_request")


def test_what_the_identity_provider_refuses_is_told(browser: Browser) -> None:
    state = browser.start()["state"]
    query = {"error": "access_denied", "error_description": "<b>no\r\nX: y", "state": state}

    response = browser.get("/v1/auth/callback", params=query)

    assert _error(response) == ("idp_denied", "400")
    landing = browser.get(response.headers["location"])
    assert landing.status_code == 200
    assert "access_denied" in landing.text
    assert "<b>no" not in landing.text
    assert "default-src 'none'" in landing.headers["content-security-policy"]


def test_a_binding_that_is_deactivated_meanwhile_signs_nobody_in(plane: Plane, browser: Browser) -> None:
    url = browser.callback_url(browser.start("gamma-coop")["authorization_url"])
    plane.sql("UPDATE plexsphere.idp_bindings SET status = 'deactivated' WHERE domain_id = %s", DOMAINS["gamma-coop"])
    try:
        assert _error(browser.get(url)) == ("binding_not_found", "400")
    finally:
        plane.sql("UPDATE plexsphere.idp_bindings SET status = 'active' WHERE domain_id = %s", DOMAINS["gamma-coop"])


# ---- bindings of the chooser ----------------------------------------------------------


def test_the_chooser_lists_what_a_domain_signs_in_with(plane: Plane, nobody: httpx.Client) -> None:
    response = nobody.get("/v1/auth/idp-bindings", params={"domain_id": ACME})

    assert response.headers["cache-control"] == "no-store"
    assert response.json() == [
        {
            "id": ACME_BINDING,
            "alias": "dex",
            "label": "dex",
            "issuer_host": urlsplit(plane.issuer).netloc,
            "primary": True,
            "platform_scoped": False,
        }
    ]


@pytest.mark.parametrize("query", ["", "scope=platform", f"domain_id={UNKNOWN_ID}", f"scope=platform&domain_id={ACME}"])
def test_the_chooser_does_not_say_which_domains_there_are(nobody: httpx.Client, query: str) -> None:
    response = nobody.get(f"/v1/auth/idp-bindings?{query}")

    assert (response.status_code, response.json()) == (200, [])


def test_the_chooser_takes_uuids_only(nobody: httpx.Client) -> None:
    for value in ("acme-corp", "", "\u0660" * 36):
        response = nobody.get("/v1/auth/idp-bindings", params={"domain_id": value})
        assert problem(response) == (400, "invalid_domain_id")


# ---- signing out ----------------------------------------------------------------------


def test_sign_out_ends_the_session_and_rotates_the_csrf_cookie(browser: Browser) -> None:
    browser.sign_in()
    secret, csrf = browser.cookie(SESSION), browser.cookie(CSRF)

    response = browser.delete("/v1/auth/whoami")

    assert response.status_code == 204
    assert browser.cookie(SESSION) is None
    assert browser.cookie(CSRF) not in (csrf, None)
    stolen = browser.get("/v1/auth/whoami", headers={"Cookie": f"{SESSION}={secret}"})
    assert problem(stolen) == (401, "unauthenticated")


@pytest.mark.parametrize("cookie", [None, f"{SESSION}=stale", f"{SESSION}=psk_dev_x"])
def test_sign_out_is_204_whoever_asks(nobody: httpx.Client, cookie: str | None) -> None:
    response = nobody.delete("/v1/auth/whoami", headers={"Cookie": cookie} if cookie else {})

    assert (response.status_code, response.content) == (204, b"")
    assert response.headers["set-cookie"].startswith(f"{SESSION}=; Path=/v1/; Max-Age=0;")


def test_global_sign_out_ends_every_session_of_the_user(plane: Plane, browser: Browser) -> None:
    with Browser(plane) as other, Browser(plane) as elsewhere:
        for each in (browser, other):
            each.sign_in("gamma-coop", MEMBER)
        elsewhere.sign_in("acme-corp", ADMIN)

        response = browser.post("/v1/auth/sign-out/global", headers=browser.csrf())

        assert response.status_code == 204
        assert browser.cookie(SESSION) is None
        assert problem(other.get("/v1/auth/whoami")) == (401, "unauthenticated")
        assert elsewhere.get("/v1/auth/whoami").status_code == 200
    event = plane.sql(
        "SELECT payload->>'cookie_cleared', (payload->>'sessions_revoked')::int >= 2, payload->>'reason'"
        " FROM plexsphere.outbox_events WHERE event_type = 'UserSignedOut' ORDER BY seq DESC LIMIT 1"
    )
    assert event == [("true", True, "user-initiated")]


def test_global_sign_out_is_for_people_and_always_clears_the_cookie(plane: Plane, browser: Browser) -> None:
    token = plane.token()
    answers = [
        (browser.post("/v1/auth/sign-out/global"), (401, "unauthenticated")),
        (
            browser.post("/v1/auth/sign-out/global", headers={"Authorization": f"Bearer {token}"}),
            (403, "permission_denied"),
        ),
        (
            browser.post(
                "/v1/auth/sign-out/global",
                headers={
                    "Cookie": f"{SESSION}={token}; {CSRF}=c",
                    "X-Plexsphere-CSRF": "c",
                    "Sec-Fetch-Site": "same-origin",
                },
            ),
            (403, "permission_denied"),
        ),
    ]
    browser.sign_in()
    answers.append((browser.post("/v1/auth/sign-out/global"), (403, "csrf_origin_mismatch")))

    for response, expected in answers:
        assert problem(response) == expected
        assert response.headers["set-cookie"].startswith(f"{SESSION}=; Path=/v1/; Max-Age=0;")


def test_forwarded_headers_of_strangers_do_not_make_cookies_secure(plane: Plane, browser: Browser) -> None:
    url = browser.callback_url(browser.start()["authorization_url"])

    response = browser.get(url, headers={"X-Forwarded-Proto": "https"})

    assert not any("Secure" in cookie for cookie in response.headers.get_list("set-cookie"))
