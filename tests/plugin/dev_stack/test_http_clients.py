"""``plexdev_http`` and ``plexdev_async_http`` on a running stack."""

from __future__ import annotations

import pytest

from pytest_plexdev.core.model import StackInfo

PRINCIPALS = """
import asyncio
import pytest
from pytest_plexdev import PlexdevError, assert_problem

def whoami(http):
    return http.get("/v1/auth/whoami").json()

def test_each_is_signed_in_as_asked(plexdev_http, plexdev_tenants, plexdev_tenant, plexdev_login):
    beta = plexdev_tenants["beta-llc"]
    assert whoami(plexdev_http("beta-llc"))["domain_id"] == beta.domain_id
    assert whoami(plexdev_http(beta))["domain_id"] == beta.domain_id
    assert whoami(plexdev_http(plexdev_tenant)) == whoami(plexdev_http(plexdev_tenant.client))
    assert whoami(plexdev_http(plexdev_tenant.login))["domain_id"] == plexdev_tenant.domain_id
    member = plexdev_login("acme-corp", user="member@example.com")
    assert whoami(plexdev_http(member))["email"] == "member@example.com"
    assert_problem(plexdev_http(None).get("/v1/domains"), 401, "unauthenticated")

def test_a_node(plexdev_http, plexdev_node):
    plexdev_node.heartbeat()
    assert plexdev_http(plexdev_node).get(f"/v1/nodes/{plexdev_node.id}/state").status_code in (200, 501)

def test_async(plexdev_async_http, plexdev_tenants):
    async def read():
        async with plexdev_async_http("beta-llc") as http:
            return await http.get("/v1/auth/whoami")
    assert asyncio.run(read()).json()["domain_id"] == plexdev_tenants["beta-llc"].domain_id

def test_a_misspelt_slug(plexdev_http):
    with pytest.raises(PlexdevError, match="did you mean beta-llc?"):
        plexdev_http("beta-lcc")

def test_a_client_is_closed(plexdev_http, request):
    request.node.session.kept = plexdev_http(None)

def test_after_the_test(request):
    assert request.node.session.kept.is_closed
"""
FAILS = """
import asyncio

def test_fails(plexdev_http, plexdev_async_http, plexdev_tenant):
    plexdev_http("beta-llc").get(f"/v1/domains/{plexdev_tenant.domain_id}")
    async def read():
        async with plexdev_async_http(plexdev_tenant) as http:
            await http.get("/v1/domains?limit=7")
    asyncio.run(read())
    assert False
"""


def test_a_client_is_signed_in_as_whom_the_test_asks(project: pytest.Pytester, stack: StackInfo) -> None:
    project.makepyfile(test_principals=PRINCIPALS)

    result = project.runpytest_subprocess("--dev-stack", "-p", "no:randomly", "test_principals.py")
    result.assert_outcomes(passed=6)


def test_the_exchanges_are_in_the_evidence(project: pytest.Pytester, stack: StackInfo) -> None:
    project.makepyfile(test_fails=FAILS)
    result = project.runpytest_subprocess("--dev-stack", "test_fails.py")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*plexdev HTTP exchanges*",
            "??:??:?? GET /v1/domains/* -> 403",
            "    permission_denied: *",
            "  curl http://localhost:*/v1/domains/* *",
            "    -H 'Authorization: Bearer psk_[*][*][*]*'",
            "??:??:?? GET /v1/domains?limit=7 -> 200 in * ms",
        ]
    )
