"""Wrong user codes are throttled; right ones never are."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.support.browsing import ADMIN, MEMBER, Browser, device, problem
from tests.support.control_plane import Plane
from tests.support.second_api import second_api

WRONG = "AAAA-AAAA"
OF_A_USER, OF_AN_ADDRESS = 5, 10


@pytest.fixture(autouse=True)
def nobody_has_guessed(plane: Plane) -> Iterator[None]:
    plane.sql("DELETE FROM plexsphere.wrong_user_codes")
    yield
    plane.sql("DELETE FROM plexsphere.wrong_user_codes")


def _approve(browser: Browser, user_code: str) -> httpx.Response:
    return browser.post("/v1/auth/device/approve", json={"user_code": user_code}, headers=browser.csrf())


def _throttled(response: httpx.Response) -> bool:
    if response.status_code != 429:
        return False
    assert 0 < int(response.headers["retry-after"]) <= 60
    return True


def test_a_person_who_guesses_is_throttled(plane: Plane, browser: Browser, nobody: httpx.Client) -> None:
    browser.sign_in()
    flow = device(nobody)
    for _ in range(OF_A_USER):
        assert problem(_approve(browser, WRONG)) == (404, "device_code_not_found")

    throttled = _approve(browser, WRONG)
    assert _throttled(throttled)
    assert problem(throttled) == (429, "too_many_requests")
    # Also for a right code: the answer must not help an attacker.
    assert _throttled(_approve(browser, flow["user_code"]))
    assert _throttled(browser.get("/v1/device", params={"user_code": flow["user_code"]}))
    with Browser(plane) as other:
        other.sign_in("acme-corp", MEMBER)
        assert _approve(other, flow["user_code"]).status_code == 200


def test_an_address_that_guesses_is_throttled(browser: Browser, nobody: httpx.Client) -> None:
    browser.sign_in()
    flow = device(nobody)
    for _ in range(OF_AN_ADDRESS):
        assert nobody.get("/v1/device", params={"user_code": WRONG}).status_code == 404

    page = nobody.get("/v1/device", params={"user_code": WRONG})
    assert _throttled(page)
    assert page.headers["content-type"].startswith("text/html")
    assert _throttled(nobody.get("/v1/device", params={"user_code": flow["user_code"]}))
    assert _throttled(_approve(browser, flow["user_code"]))


def test_guesses_at_the_same_moment_are_counted_like_any_other(browser: Browser) -> None:
    browser.sign_in()
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: _approve(browser, WRONG).status_code, range(32)))

    assert answers.count(404) == OF_A_USER
    assert answers.count(429) == 32 - OF_A_USER


def test_a_form_that_guesses_is_throttled(browser: Browser, nobody: httpx.Client) -> None:
    browser.sign_in()
    flow = device(nobody)
    form = browser.get("/v1/device", params={"user_code": flow["user_code"]})
    for _ in range(OF_A_USER):
        _approve(browser, WRONG)

    assert _throttled(browser.submit(form))


def test_a_code_of_another_domain_is_a_wrong_one(browser: Browser, nobody: httpx.Client) -> None:
    browser.sign_in("acme-corp")
    for _ in range(OF_A_USER):
        assert _approve(browser, device(nobody, "beta-llc")["user_code"]).status_code == 404

    assert _throttled(_approve(browser, WRONG))


def test_the_throttle_ends_by_itself(plane: Plane, browser: Browser, nobody: httpx.Client) -> None:
    browser.sign_in()
    for _ in range(OF_A_USER):
        _approve(browser, WRONG)
    wait = int(_approve(browser, WRONG).headers["retry-after"])
    plane.sql("UPDATE plexsphere.wrong_user_codes SET guessed_at = guessed_at - make_interval(secs => %s)", wait)

    assert _approve(browser, device(nobody)["user_code"]).status_code == 200
    assert _approve(browser, WRONG).status_code == 404
    assert plane.sql("SELECT count(*) FROM plexsphere.wrong_user_codes") == [(2,)]


def test_right_codes_are_never_throttled(plane: Plane, nobody: httpx.Client) -> None:
    """As in a test suite with many workers: one address, one person, all at once."""

    def approve(_: int) -> int:
        with Browser(plane) as browser:
            assert browser.sign_in(email=ADMIN).status_code == 303
            return _approve(browser, device(nobody)["user_code"]).status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(approve, range(24))) == {200}
    assert plane.sql("SELECT count(*) FROM plexsphere.wrong_user_codes") == [(0,)]


def test_what_is_no_guess_is_not_counted(plane: Plane, browser: Browser, nobody: httpx.Client) -> None:
    browser.sign_in()
    flow = device(nobody)
    assert _approve(browser, flow["user_code"]).status_code == 200
    for _ in range(OF_A_USER):
        assert _approve(browser, "not-a-code").status_code == 400
        assert _approve(browser, flow["user_code"]).status_code == 409

    assert plane.sql("SELECT count(*) FROM plexsphere.wrong_user_codes") == [(0,)]


def test_behind_a_trusted_proxy_its_clients_are_told_apart(plane: Plane, tmp_path: Path) -> None:
    with second_api(plane, tmp_path, PLEXSPHERE_AUTH_TRUST_PROXY_HEADERS="true") as api:

        def guess(address: str) -> httpx.Response:
            headers = {"X-Forwarded-For": f"192.0.2.7, {address}"}
            return api.get("/v1/device", params={"user_code": WRONG}, headers=headers)

        for last in range(OF_AN_ADDRESS):
            assert guess(f"2001:db8:0:1::{last}").status_code == 404

        assert _throttled(guess("2001:db8:0:1:ffff::"))
        assert guess("2001:db8:0:2::").status_code == 404


def test_who_is_not_behind_a_proxy_chooses_no_address(plane: Plane, nobody: httpx.Client) -> None:
    for last in range(OF_AN_ADDRESS + 1):
        headers = {"X-Forwarded-For": f"192.0.2.{last}"}
        response = nobody.get("/v1/device", params={"user_code": WRONG}, headers=headers)

    assert _throttled(response)
