"""The callback of a sign-in: it works once, in one browser; and its refusals."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.support.browsing import SESSION, Browser, problem
from tests.support.control_plane import DOMAINS, Plane

ACME, BETA = DOMAINS["acme-corp"], DOMAINS["beta-llc"]


def _error(response: httpx.Response) -> tuple[str, str]:
    """Return the kind and the status of a failure that a browser receives."""
    assert response.status_code == 303
    assert "set-cookie" not in response.headers
    parts = urlsplit(response.headers["location"])
    assert parts.path == "/"
    assert parts.netloc == ""
    query = parse_qs(parts.query)
    assert query["auth_error_detail"][0]
    return query["auth_error_kind"][0], query["auth_error_status"][0]


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


def test_a_callback_in_another_browser_is_refused(plane: Plane, browser: Browser) -> None:
    """An attacker who makes a user open this link would sign that user in as another user."""
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
