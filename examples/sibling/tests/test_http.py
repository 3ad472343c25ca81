"""What the API answers to raw requests."""

from __future__ import annotations

import httpx

from pytest_plexdev import FreshTenant, HttpClients, Stack, assert_problem


def test_a_body_that_is_no_json_is_refused(plexdev_http: HttpClients, plexdev_tenant: FreshTenant) -> None:
    response = plexdev_http(plexdev_tenant).post(
        "/v1/projects", content=b"{", headers={"Content-Type": "application/json"}
    )

    assert_problem(response, 400, "invalid_body")


def test_my_own_httpx_needs_a_token(plexdev_stack: Stack, plexdev_tenant: FreshTenant) -> None:
    with httpx.Client(base_url=plexdev_stack.api_url, trust_env=False) as mine:
        anonymous = mine.get("/v1/auth/whoami")
        mine.headers["Authorization"] = f"Bearer {plexdev_tenant.login.token}"
        admin = mine.get("/v1/auth/whoami")

    assert_problem(anonymous, 401, "unauthenticated")
    assert admin.json()["domain_id"] == plexdev_tenant.domain_id
