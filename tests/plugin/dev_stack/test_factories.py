"""What the factories create, and that it is removed."""

from __future__ import annotations

import pytest

from pytest_plexdev.core.model import StackInfo

DOMAINS = """
def domains(client):
    return {domain.slug for domain in client.domains.list()}
"""
REMOVED = """
import pytest
from pytest_plexdev import FASTEST_POLICY
from domains import domains

made = []

def test_that_fails(plexdev_client, plexdev_make_tenant, plexdev_make_project):
    tenants = [plexdev_make_tenant(policy=FASTEST_POLICY), plexdev_make_tenant()]
    assert [each.domain.reachability.stale_after for each in tenants] == ["30s", "90s"]
    plexdev_make_project(tenants[0])
    made.extend(each.slug for each in tenants)
    assert set(made) <= domains(plexdev_client)
    raise RuntimeError("on purpose")

def test_nothing_is_left(plexdev_client):
    assert len(made) == 2
    assert set(made).isdisjoint(domains(plexdev_client))
"""
SHARED = """
import pytest
from domains import domains

slugs = set()

@pytest.fixture(scope="module")
def shop(plexdev_tenant_factory):
    with plexdev_tenant_factory() as tenant:
        yield tenant

@pytest.mark.parametrize("number", [1, 2])
def test_projects_of_one_test_are_gone_in_the_next(shop, plexdev_make_project, number):
    slugs.add(shop.slug)
    assert list(shop.client.projects.list(domain_id=shop.domain_id)) == []
    project = plexdev_make_project(shop, slug="same")
    assert list(shop.client.projects.list(domain_id=shop.domain_id)) == [project]
    assert len(slugs) == 1
"""
NODES = """
def test_nodes_are_in_the_project_of_the_test(plexdev_tenant, plexdev_project, plexdev_node, plexdev_make_node):
    silent, healthy = plexdev_make_node(), plexdev_make_node(healthy=True)
    assert {node.project for node in (plexdev_node, silent, healthy)} == {plexdev_project}
    mesh = plexdev_tenant.client.nodes.topology(plexdev_tenant.domain_id)
    assert {node.node_id for node in mesh.nodes} == {plexdev_node.id, silent.id, healthy.id}
    assert (silent.reachability(), healthy.reachability()) == ("unreachable", "healthy")
"""


def test_tenants_and_projects_are_removed_after_a_failure(project: pytest.Pytester, stack: StackInfo) -> None:
    project.makepyfile(domains=DOMAINS, test_removed=REMOVED)
    result = project.runpytest_subprocess("--dev-stack", "-p", "no:randomly", "test_removed.py")

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*RuntimeError: on purpose"])


def test_a_tenant_of_a_module_is_shared_and_removed(project: pytest.Pytester, stack: StackInfo) -> None:
    after = "from test_a_shared import slugs\nfrom domains import domains\n\n\n"
    after += "def test_it_is_gone(plexdev_client):\n    assert slugs and slugs.isdisjoint(domains(plexdev_client))\n"
    project.makepyfile(domains=DOMAINS, test_a_shared=SHARED, test_b_after=after)

    project.runpytest_subprocess("--dev-stack", "test_a_shared.py", "test_b_after.py").assert_outcomes(passed=3)


def test_nodes_are_made_in_the_project_of_the_test(project: pytest.Pytester, stack: StackInfo) -> None:
    project.makepyfile(test_nodes=NODES)

    project.runpytest_subprocess("--dev-stack", "test_nodes.py").assert_outcomes(passed=1)
