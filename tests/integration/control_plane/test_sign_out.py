"""The chooser of identity providers, and the end of sessions."""

from __future__ import annotations

from urllib.parse import urlsplit

import httpx
import pytest

from tests.support.browsing import ADMIN, CSRF, MEMBER, SESSION, Browser, problem
from tests.support.control_plane import DOMAINS, UNKNOWN_ID, Plane

ACME, BETA = DOMAINS["acme-corp"], DOMAINS["beta-llc"]
ACME_BINDING = "01985a00-0000-7000-8000-00000000ac11"


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


def test_global_sign_out_is_for_users_and_clears_the_cookie(plane: Plane, browser: Browser) -> None:
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


def test_forwarded_headers_of_untrusted_clients_are_ignored(plane: Plane, browser: Browser) -> None:
    url = browser.callback_url(browser.start()["authorization_url"])

    response = browser.get(url, headers={"X-Forwarded-Proto": "https"})

    assert not any("Secure" in cookie for cookie in response.headers.get_list("set-cookie"))
