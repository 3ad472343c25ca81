"""The ways in: a device code, a browser, an ID token."""

from __future__ import annotations

import httpx
import my_cli

from pytest_plexdev import BrowserStates, Logins, Oidc, Stack, Tenants


def test_my_cli_signs_in_with_a_device_code(
    plexdev_stack: Stack, plexdev_tenants: Tenants, plexdev_login: Logins
) -> None:
    acme = plexdev_tenants["acme-corp"]
    flow = my_cli.start_login(server=plexdev_stack.api_url, domain=acme.domain_id)

    plexdev_login.approve(flow.verification_uri_complete, user="member@example.com")

    assert flow.wait().token


def test_a_signed_in_browser_sees_the_code_of_my_cli(
    plexdev_stack: Stack, plexdev_tenants: Tenants, plexdev_browser_state: BrowserStates
) -> None:
    acme = plexdev_tenants["acme-corp"]
    flow = my_cli.start_login(server=plexdev_stack.api_url, domain=acme.domain_id)
    state = plexdev_browser_state(acme, user="member@example.com")
    cookies = {each.get("name", ""): each.get("value", "") for each in state.get("cookies", [])}

    with httpx.Client(cookies=cookies, trust_env=False) as browser:
        page = browser.get(flow.verification_uri_complete)

    assert page.status_code == 200
    assert flow.user_code in page.text
    assert "Approve" in page.text


def test_an_id_token_names_the_person(plexdev_oidc: Oidc) -> None:
    tokens = plexdev_oidc("member@example.com")

    claims = plexdev_oidc.validate(tokens.id_token)

    assert (claims["iss"], claims["email"]) == (plexdev_oidc.issuer, "member@example.com")
