"""The golden flow: from a fresh stack to a Node whose silence is detected. Every step also runs alone."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_plexdev.golden.flow import Golden

pytestmark = pytest.mark.golden


def test_1_the_stack_is_healthy_and_seeded(golden: Golden) -> None:
    assert {verdict.name: verdict.state for verdict in golden.stack.verdicts() if verdict.state != "ready"} == {}
    assert golden.stack.anonymous.meta.health().status == "ok"

    assert sorted(golden.tenants) == ["acme-corp", "beta-llc", "gamma-coop"]
    for tenant in golden.tenants.values():
        bindings = golden.stack.anonymous.auth.idp_bindings(domain_id=tenant.domain_id)
        assert [binding.id for binding in bindings] == [tenant.binding_id]


def test_2_the_seeded_admin_signs_in_with_a_device_code(golden: Golden) -> None:
    me = golden.operator.whoami()

    assert (me.principal_type, me.email) == ("user", "admin@example.com")
    assert me.domain_id == golden.tenants.operator.domain_id


def test_3_the_operator_creates_a_domain(golden: Golden) -> None:
    domain = golden.operator.client.domains.get(golden.domain.id)

    assert domain == golden.domain
    assert ipaddress.ip_network(domain.mesh_cidr).is_private
    assert domain.reachability.unreachable_after == "60s"


def test_4_a_project_is_created_in_the_domain(golden: Golden) -> None:
    project = golden.project

    assert project.domain_id == golden.domain.id
    assert list(golden.operator.client.projects.list(domain_id=golden.domain.id)) == [project]


def test_5_the_domain_is_bound_to_the_identity_provider(golden: Golden) -> None:
    binding = golden.binding
    offered = golden.stack.anonymous.auth.idp_bindings(domain_id=golden.domain.id)

    assert (binding.status, binding.issuer) == ("active", golden.stack.issuer)
    assert [one.id for one in offered] == [binding.id]


def test_6_an_identity_signs_in_through_the_binding(golden: Golden) -> None:
    me = golden.member.whoami()
    identity = golden.identity()

    assert me.domain_id == golden.domain.id
    assert re.fullmatch("[0-9a-f]{64}", identity.external_subject_pseudonym)
    assert identity.last_sign_in_at is not None


def test_7_a_node_registers_and_spends_its_bootstrap_token(golden: Golden) -> None:
    token, node = golden.bootstrap_token, golden.node

    assert ipaddress.ip_address(node.mesh_ip) in ipaddress.ip_network(golden.domain.mesh_cidr)
    assert (token.first_seen.state, token.refresh().state) == ("issued", "consumed")
    assert node.id in {listed.id for listed in golden.operator.client.nodes.list(domain_id=golden.domain.id)}


def test_8_a_heartbeat_makes_the_node_healthy(golden: Golden) -> None:
    node = golden.healthy_node

    assert node.reachability() == "healthy"
    mesh = golden.operator.client.nodes.topology(golden.domain.id)
    assert [(one.node_id, one.reachability) for one in mesh.nodes] == [(node.id, "healthy")]


def test_9_a_silent_node_is_noticed_and_comes_back(golden: Golden) -> None:
    """The last heartbeat is aged in the database, so the test does not wait.

    On a stack that does not support this it is skipped; the slow variant below waits in real time.
    """
    node = golden.healthy_node
    node.silence(until="stale")
    node.wait_until("stale")
    node.silence(until="unreachable")
    node.wait_until("unreachable")
    node.heartbeat()
    assert node.reachability() == "healthy"
    assert golden.operator.client.audit.verify(golden.domain.id).ok


@pytest.mark.slow
def test_9_a_silent_node_is_noticed_in_real_time(golden: Golden) -> None:
    """The same with 30 s and 60 s of silence in real time."""
    node = golden.healthy_node
    node.heartbeat()
    node.wait_until("stale", within=40)
    node.wait_until("unreachable", within=40)
    node.heartbeat()
    assert node.reachability() == "healthy"
    assert golden.operator.client.audit.verify(golden.domain.id).ok
