"""The whole test file of a repository beside plexsphere; its conftest has nothing to say, so there is none."""

from __future__ import annotations

import my_cli

from pytest_plexdev import FreshTenant, Logins, NodeAgent, Stack, Tenants


def test_agent_becomes_healthy(plexdev_node: NodeAgent) -> None:
    plexdev_node.heartbeat()
    assert plexdev_node.reachability() == "healthy"


def test_two_tenants_do_not_see_each_other(plexdev_tenant: FreshTenant, plexdev_tenants: Tenants) -> None:
    slugs = {domain.slug for domain in plexdev_tenants["beta-llc"].client.domains.list()}
    assert "beta-llc" in slugs
    assert plexdev_tenant.domain.slug not in slugs


def test_my_cli_logs_in(plexdev_stack: Stack, plexdev_tenants: Tenants, plexdev_login: Logins) -> None:
    flow = my_cli.start_login(server=plexdev_stack.api_url, domain=plexdev_tenants["acme-corp"].domain.id)
    plexdev_login.approve(flow.verification_uri_complete)
    assert flow.wait().token
