from __future__ import annotations

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import psycopg
import pytest

from tests.support.browsing import Browser, device, poll, problem
from tests.support.control_plane import DOMAINS, UNKNOWN_ID, Plane
from tests.support.devices import expire

ACME, BETA = DOMAINS["acme-corp"], DOMAINS["beta-llc"]
ACME_BINDING = "01985a00-0000-7000-8000-00000000ac11"
BETA_BINDING = "01985a00-0000-7000-8000-00000000be11"
ACME_ADMIN = "01985a00-0000-7000-8000-00000000ac21"


def _approve(browser: Browser, user_code: str) -> httpx.Response:
    return browser.post("/v1/auth/device/approve", json={"user_code": user_code}, headers=browser.csrf())


def _age(plane: Plane, flow: dict[str, str], seconds: float) -> None:
    """Set the time of a flow's last poll back by *seconds*."""
    plane.sql(
        "UPDATE plexsphere.device_sessions SET last_polled_at = last_polled_at - make_interval(secs => %s)"
        " WHERE user_code = %s",
        seconds,
        flow["user_code"].replace("-", ""),
    )


def _at_once(plane: Plane, flow: dict[str, str], request: Callable[[], httpx.Response]) -> list[httpx.Response]:
    """The answers of four requests that have all read the device session before any of them changes it.

    The row is locked until all four wait for it. Without a lock of their own, all would read the unchanged row.
    """
    code = flow["user_code"].replace("-", "")
    with ThreadPoolExecutor(4) as pool, psycopg.connect(plane.database_url) as holder:
        holder.execute("SELECT 1 FROM plexsphere.device_sessions WHERE user_code = %s FOR UPDATE", [code])
        answers = [pool.submit(request) for _ in range(4)]
        deadline = time.monotonic() + 1.5
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%%device_sess%%'"
        )
        while plane.sql(waiting)[0][0] < 4:
            assert time.monotonic() < deadline, "the requests do not wait for the row"
        holder.rollback()
        return [each.result() for each in answers]


# ---- starting -------------------------------------------------------------------------


def test_a_device_gets_its_codes(plane: Plane, nobody: httpx.Client) -> None:
    flow = device(nobody, idp_binding_id=ACME_BINDING)

    assert len(flow.pop("device_code")) == 43
    user_code = flow["user_code"]
    assert re.fullmatch(r"[A-Z2-7]{4}-[A-Z2-7]{4}", user_code)
    assert flow == {
        "user_code": user_code,
        "verification_uri": f"{plane.url}/v1/device",
        "verification_uri_complete": f"{plane.url}/v1/device?user_code={user_code}",
        "expires_in": 600,
        "interval": 5,
    }


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"client_id": "x"},
        {"idp_binding_id": ACME_BINDING},
        {"idp_binding_alias": "dex"},
        {"domain_id": ACME, "idp_binding_id": ACME_BINDING, "idp_binding_alias": "dex"},
        {"domain_id": ACME, "idp_binding_id": BETA_BINDING},
        {"domain_id": "x"},
        {"domain_id": ACME, "client_id": "x\0"},
    ],
)
def test_a_device_that_names_no_binding_is_400(nobody: httpx.Client, body: dict[str, str]) -> None:
    assert problem(nobody.post("/v1/auth/device-code", json=body)) == (400, "invalid_body")


def test_a_device_of_an_unknown_binding_is_404(nobody: httpx.Client) -> None:
    for body in (
        {"domain_id": ACME, "idp_binding_id": UNKNOWN_ID},
        {"domain_id": ACME, "idp_binding_alias": "none"},
        {"domain_id": UNKNOWN_ID},
    ):
        assert problem(nobody.post("/v1/auth/device-code", json=body)) == (404, "binding_not_found")


# ---- polling --------------------------------------------------------------------------


def test_the_whole_flow(plane: Plane, nobody: httpx.Client, browser: Browser) -> None:
    flow = device(nobody)
    assert problem(poll(nobody, flow["device_code"])) == (400, "authorization_pending")

    browser.sign_in()
    approval = _approve(browser, flow["user_code"])
    assert (approval.status_code, approval.json()) == (200, {"status": "approved"})

    answer = poll(nobody, flow["device_code"])
    assert answer.status_code == 200
    token = answer.json()
    assert answer.headers["cache-control"] == "no-store"
    assert set(token) == {"access_token", "token_type", "expires_in"}
    assert (token["token_type"], token["expires_in"]) == ("Bearer", 43200)
    assert token["access_token"].startswith("psk_dev_")
    who = nobody.get("/v1/auth/whoami", headers={"Authorization": f"Bearer {token['access_token']}"}).json()
    assert (who["subject"], who["domain_id"]) == (ACME_ADMIN, ACME)
    assert problem(poll(nobody, flow["device_code"])) == (400, "invalid_grant")


def test_each_early_poll_adds_five_seconds_to_the_interval(plane: Plane, nobody: httpx.Client) -> None:
    flow = device(nobody)
    codes = []
    for aged_by in (0, 0, 6, 11, 14.5, 16):
        _age(plane, flow, aged_by)
        codes.append(problem(poll(nobody, flow["device_code"]))[1])

    # 5 s at first; 10 s after the second poll; 6 s are too soon for that, so 15 s; 11 s for those, 20 s; 14.5 s, 25 s.
    assert codes == ["authorization_pending", *["slow_down"] * 5]
    _age(plane, flow, 31)
    assert problem(poll(nobody, flow["device_code"])) == (400, "authorization_pending")


def test_an_approved_device_does_not_wait_for_the_interval(nobody: httpx.Client, browser: Browser) -> None:
    flow = device(nobody)
    browser.sign_in()
    poll(nobody, flow["device_code"])
    _approve(browser, flow["user_code"])

    assert poll(nobody, flow["device_code"]).status_code == 200


def test_concurrent_polls_get_one_token(plane: Plane, nobody: httpx.Client, browser: Browser) -> None:
    flow = device(nobody)
    browser.sign_in()
    _approve(browser, flow["user_code"])

    answers = _at_once(plane, flow, lambda: poll(nobody, flow["device_code"]))

    assert sorted(each.status_code for each in answers) == [200, 400, 400, 400]
    assert {each.json()["code"] for each in answers if each.status_code == 400} == {"invalid_grant"}


def test_an_expired_device_code(plane: Plane, nobody: httpx.Client, browser: Browser) -> None:
    flow = device(nobody)
    expire(plane, flow)
    browser.sign_in()

    assert problem(poll(nobody, flow["device_code"])) == (400, "expired_token")
    assert problem(_approve(browser, flow["user_code"])) == (409, "device_code_expired")


@pytest.mark.parametrize("code", ["", "x", "x" * 4096, "'; DROP TABLE plexsphere.users; --", "٣"])
def test_an_unknown_device_code_is_an_invalid_grant(nobody: httpx.Client, code: str) -> None:
    assert problem(poll(nobody, code)) == (400, "invalid_grant")


@pytest.mark.parametrize("body", [{}, {"device_code": 1}, {"device_code": None}, {"device_code": "x" * 4097}])
def test_a_poll_that_is_none_is_400(nobody: httpx.Client, body: dict[str, object]) -> None:
    assert problem(nobody.post("/v1/auth/device-token", json=body)) == (400, "invalid_body")


def test_a_device_code_belongs_to_its_client(nobody: httpx.Client) -> None:
    flow = device(nobody, client_id="plexctl")

    assert problem(poll(nobody, flow["device_code"])) == (400, "invalid_grant")
    assert problem(poll(nobody, flow["device_code"], client_id="other")) == (400, "invalid_grant")
    assert problem(poll(nobody, flow["device_code"], client_id="plexctl")) == (400, "authorization_pending")


def test_a_device_whose_binding_was_deactivated_is_denied(plane: Plane, nobody: httpx.Client) -> None:
    flow = device(nobody, "gamma-coop")
    gamma = DOMAINS["gamma-coop"]
    plane.sql("UPDATE plexsphere.idp_bindings SET status = 'deactivated' WHERE domain_id = %s", gamma)
    try:
        assert problem(poll(nobody, flow["device_code"])) == (400, "access_denied")
    finally:
        plane.sql("UPDATE plexsphere.idp_bindings SET status = 'active' WHERE domain_id = %s", gamma)


# ---- approving ------------------------------------------------------------------------


def test_the_dash_may_be_left_out(nobody: httpx.Client, browser: Browser) -> None:
    flow = device(nobody)
    browser.sign_in()

    assert _approve(browser, flow["user_code"].replace("-", "")).status_code == 200


@pytest.mark.parametrize("user_code", ["", "abcd-efgh", "ABCD_EFGH", "ABCDE-FGH", "ABCD-EFG1", "ABCD-EFGH\n", 7, None])
def test_a_malformed_user_code_is_400(browser: Browser, user_code: object) -> None:
    browser.sign_in()
    response = browser.post("/v1/auth/device/approve", json={"user_code": user_code}, headers=browser.csrf())

    assert problem(response) == (400, "invalid_body")


def test_an_unknown_user_code_is_404(browser: Browser) -> None:
    browser.sign_in()

    assert problem(_approve(browser, "AAAA-AAAA")) == (404, "device_code_not_found")


def test_an_approved_device_is_approved_once(plane: Plane, nobody: httpx.Client, browser: Browser) -> None:
    flow = device(nobody)
    browser.sign_in()

    answers = _at_once(plane, flow, lambda: _approve(browser, flow["user_code"]))

    assert sorted(each.status_code for each in answers) == [200, 409, 409, 409]
    assert {each.json()["code"] for each in answers if each.status_code == 409} == {"device_code_already_approved"}
    poll(nobody, flow["device_code"])
    assert problem(_approve(browser, flow["user_code"])) == (409, "device_code_already_approved")


def test_a_user_of_another_domain_cannot_approve(nobody: httpx.Client, browser: Browser) -> None:
    flow = device(nobody, "beta-llc")
    browser.sign_in("acme-corp")

    assert problem(_approve(browser, flow["user_code"])) == (404, "device_code_not_found")
    assert problem(poll(nobody, flow["device_code"])) == (400, "authorization_pending")


def test_approval_needs_a_person_and_the_csrf_pair(plane: Plane, nobody: httpx.Client, browser: Browser) -> None:
    flow = device(nobody)
    body = {"user_code": flow["user_code"]}
    path = "/v1/auth/device/approve"
    assert problem(nobody.post(path, json=body)) == (401, "unauthenticated")
    with plane.client() as client:
        assert problem(client.post(path, json=body)) == (403, "permission_denied")

    browser.sign_in()
    assert problem(browser.post(path, json=body)) == (403, "csrf_origin_mismatch")
    for headers, code in (
        (browser.csrf(Origin="https://evil.example"), "csrf_origin_mismatch"),
        (browser.csrf(**{"X-Plexsphere-CSRF": ""}), "csrf_token_mismatch"),
        ({"Sec-Fetch-Site": "same-origin"}, "csrf_token_mismatch"),
    ):
        assert problem(browser.post(path, json=body, headers=headers)) == (403, code)
    assert problem(poll(nobody, flow["device_code"])) == (400, "authorization_pending")


def test_the_flow_is_audited(plane: Plane, nobody: httpx.Client, browser: Browser) -> None:
    browser.sign_in()
    before = plane.sql("SELECT max(seq) FROM plexsphere.audit_entries WHERE chain_id = %s", ACME)[0][0]
    flow = device(nobody)
    _approve(browser, flow["user_code"])
    poll(nobody, flow["device_code"])

    rows = plane.sql(
        "SELECT relation, identity_id_ref::text FROM plexsphere.audit_entries"
        " WHERE chain_id = %s AND seq > %s ORDER BY seq",
        ACME,
        before,
    )
    assert rows == [
        ("auth.device_code.start", None),
        ("auth.device.approve", ACME_ADMIN),
        ("auth.device_token.issue", None),
    ]
