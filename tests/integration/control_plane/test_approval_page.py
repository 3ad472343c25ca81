"""The page on which a person approves a device."""

from __future__ import annotations

import re

import httpx
import pytest

from tests.support.browsing import ADMIN, CSRF, MEMBER, SESSION, Browser, device, poll, problem, relative
from tests.support.control_plane import Plane
from tests.support.devices import expire

# ---- the page -------------------------------------------------------------------------


def test_a_user_signs_in_and_approves_the_device(nobody: httpx.Client, browser: Browser) -> None:
    flow = device(nobody)
    page = browser.get(flow["verification_uri_complete"])
    assert page.status_code == 303

    back = browser.at_idp(page.headers["location"])
    assert back.status_code == 303
    assert back.headers["location"].startswith(f"/v1/device?user_code={flow['user_code']}")
    page = browser.get(back.headers["location"])
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert f"<code>{flow['user_code']}</code>" in page.text
    assert f"You are signed in as {ADMIN} in Acme Corp." in page.text
    assert "<script" not in page.text

    done = browser.submit(page)
    assert done.status_code == 303
    assert relative(done.headers["location"]) == f"/v1/device?user_code={flow['user_code']}"
    assert "Device approved" in browser.get(done.headers["location"]).text
    assert poll(nobody, flow["device_code"]).status_code == 200
    assert "Device approved" in browser.get(done.headers["location"]).text


def test_the_page_is_locked_down(nobody: httpx.Client, browser: Browser) -> None:
    browser.sign_in()
    headers = browser.get(device(nobody)["verification_uri_complete"]).headers

    policy = headers["content-security-policy"]
    assert re.fullmatch(
        r"default-src 'none'; style-src 'sha256-[A-Za-z0-9+/=]{44}'; form-action 'self';"
        r" base-uri 'none'; frame-ancestors 'none'",
        policy,
    )
    assert headers["x-frame-options"] == "DENY"
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "same-origin"


def test_the_page_asks_for_a_code_where_there_is_none(nobody: httpx.Client) -> None:
    page = nobody.get("/v1/device")
    assert page.status_code == 200
    assert '<input name="user_code"' in page.text

    for code in ("x", '"><script>alert(1)</script>', "ABCD-EFG1", "٣" * 8):
        page = nobody.get("/v1/device", params={"user_code": code})
        assert page.status_code == 400
        assert "<script" not in page.text


def test_the_page_takes_a_code_as_people_type_it(nobody: httpx.Client, browser: Browser) -> None:
    browser.sign_in()
    flow = device(nobody)
    typed = f" {flow['user_code'].replace('-', '').lower()} "

    assert f"<code>{flow['user_code']}</code>" in browser.get("/v1/device", params={"user_code": typed}).text


def test_the_page_of_a_code_that_nobody_waits_with(plane: Plane, nobody: httpx.Client, browser: Browser) -> None:
    expired = device(nobody)
    expire(plane, expired)

    for client in (nobody, browser):
        page = client.get("/v1/device?user_code=AAAA-AAAA")
        assert page.status_code == 404
        assert page.headers["content-type"].startswith("text/html")
        page = client.get(expired["verification_uri_complete"])
        assert page.status_code == 409
        assert "device_code_expired" in page.text
        browser.sign_in()


def test_the_page_of_another_domain_offers_to_sign_in_anew(nobody: httpx.Client, browser: Browser) -> None:
    flow = device(nobody, "beta-llc")
    browser.sign_in("acme-corp")

    page = browser.get(flow["verification_uri_complete"])
    assert page.status_code == 403
    assert "another Domain" in page.text
    assert "<form" not in page.text
    anew = re.search(r'href="([^"]*sign_in=anew[^"]*)"', page.text)
    assert anew is not None

    back = browser.at_idp(browser.get(anew[1].replace("&amp;", "&")).headers["location"])
    page = browser.get(back.headers["location"])
    assert "in Beta LLC." in page.text
    assert browser.submit(page).status_code == 303
    assert poll(nobody, flow["device_code"]).status_code == 200


def test_a_browser_that_keeps_no_cookie_is_not_sent_in_circles(nobody: httpx.Client, browser: Browser) -> None:
    flow = device(nobody)
    back = browser.at_idp(browser.get(flow["verification_uri_complete"]).headers["location"])

    page = nobody.get(back.headers["location"])

    assert page.status_code == 200
    assert f'href="/v1/device?user_code={flow["user_code"]}"' in page.text


def test_what_the_identity_provider_says_of_a_person_is_escaped(plane: Plane, browser: Browser) -> None:
    with httpx.Client(base_url=plane.url) as client:
        flow = device(client, "gamma-coop")
    browser.sign_in("gamma-coop", MEMBER)
    subject = browser.get("/v1/auth/whoami").json()["subject"]
    plane.sql("UPDATE plexsphere.users SET email = '<img src=x onerror=y>' WHERE id = %s", subject)

    page = browser.get(flow["verification_uri_complete"])

    assert "&lt;img src=x onerror=y&gt;" in page.text
    assert "<img" not in page.text


def test_the_form_is_as_strict_as_the_api(plane: Plane, nobody: httpx.Client, browser: Browser) -> None:
    flow, other = device(nobody), device(nobody)
    browser.sign_in()
    page = browser.get(flow["verification_uri_complete"])
    form = dict(re.findall(r'name="([^"]*)" value="([^"]*)"', page.text))

    def post(origin: str | None = plane.url, client: httpx.Client = browser, **changed: str) -> tuple[int, str]:
        response = client.post("/v1/device", data={**form, **changed}, headers={"Origin": origin} if origin else {})
        code = re.search(r"\(([a-z_]+)\)", response.text)
        assert code is not None, response.text
        assert response.headers["content-type"].startswith("text/html")
        return response.status_code, code[1]

    assert post("https://evil.example") == (403, "csrf_origin_mismatch")
    assert post("null") == (403, "csrf_origin_mismatch")
    assert post(None) == (403, "csrf_origin_mismatch")
    assert post(csrf_token="") == (403, "csrf_token_mismatch")
    assert post(csrf_token="٣") == (403, "csrf_token_mismatch")
    assert post(csrf_token=browser.cookie(CSRF) or "") == (403, "csrf_token_mismatch")
    assert post(user_code=other["user_code"]) == (403, "csrf_token_mismatch")
    assert post(user_code="x") == (400, "invalid_body")
    assert post(client=nobody) == (401, "unauthenticated")
    with Browser(plane) as stranger:
        stranger.sign_in()
        assert post(client=stranger) == (403, "csrf_token_mismatch")
    token = plane.token()
    nobody.cookies.set(SESSION, token)
    assert post(client=nobody) == (401, "unauthenticated")
    nobody.cookies.clear()
    assert problem(poll(nobody, flow["device_code"])) == (400, "authorization_pending")
    assert browser.submit(page).status_code == 303
    assert post() == (409, "device_code_already_approved")


@pytest.mark.parametrize("body", [b"\xff\xfe", b"a=1&" * 20, b"user_code=%00", b"x" * 2**21, b"user_code=ABCD-EFGH"])
def test_a_form_that_is_none_is_refused_with_a_page(nobody: httpx.Client, body: bytes) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    response = nobody.post("/v1/device", content=body, headers=form)

    assert response.status_code in (400, 401, 413)
    assert response.headers["content-type"].startswith("text/html")
