"""The public fixtures that are called: each call creates a further object, which is removed after the test."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_plexdev.api.domains import ReachabilityPolicy
    from pytest_plexdev.api.projects import Project
    from pytest_plexdev.testkit.factories import MakeNode, MakeProject, MakeTenant, TenantFactory
    from pytest_plexdev.testkit.login import Logins
    from pytest_plexdev.testkit.node_agent import NodeAgent
    from pytest_plexdev.testkit.stack import Stack
    from pytest_plexdev.testkit.tenancy import FreshTenant, Tenants


@pytest.fixture(scope="session")
def plexdev_tenant_factory(plexdev_tenants: Tenants, plexdev_login: Logins, _plexdev_leftovers: None) -> TenantFactory:
    """Create tenants in fixtures of any scope, as ``with plexdev_tenant_factory(policy=...) as tenant``.

    The tenant is removed at the end of the block. In a test, :func:`plexdev_make_tenant` is shorter.

    Example::

        import pytest


        @pytest.fixture(scope="module")
        def shop(plexdev_tenant_factory):
            with plexdev_tenant_factory() as tenant:
                yield tenant


        def test_the_tests_of_a_module_share_a_tenant(shop):
            assert shop.client.domains.get(shop.domain_id) == shop.domain
    """
    from pytest_plexdev.testkit.factories import TenantFactory

    return TenantFactory(plexdev_tenants, plexdev_login)


@pytest.fixture
def plexdev_make_tenant(plexdev_tenant_factory: TenantFactory) -> Iterator[MakeTenant]:
    """Create a further tenant, as ``plexdev_make_tenant(policy=...)``.

    Example::

        def test_tenants_have_different_addresses(plexdev_make_tenant):
            one, other = plexdev_make_tenant(), plexdev_make_tenant()
            assert one.domain.mesh_cidr != other.domain.mesh_cidr
    """
    with contextlib.ExitStack() as tenants:

        def make_tenant(*, policy: ReachabilityPolicy | None = None) -> FreshTenant:
            return tenants.enter_context(plexdev_tenant_factory(policy=policy))

        yield make_tenant


@pytest.fixture
def plexdev_make_project(plexdev_tenant: FreshTenant) -> Iterator[MakeProject]:
    """Create a further Project, as ``plexdev_make_project(tenant, slug=...)``; by default in ``plexdev_tenant``.

    Example::

        def test_two_projects_are_listed(plexdev_tenant, plexdev_make_project):
            made = [plexdev_make_project(slug="api"), plexdev_make_project(slug="web")]
            assert list(plexdev_tenant.client.projects.list(domain_id=plexdev_tenant.domain_id)) == made
    """
    from pytest_plexdev.testkit.factories import create_project, remove_project_quietly

    with contextlib.ExitStack() as projects:

        def make_project(tenant: FreshTenant | None = None, *, slug: str | None = None) -> Project:
            owner = tenant or plexdev_tenant
            project = create_project(owner.client, domain_id=owner.domain_id, slug=slug)
            projects.callback(remove_project_quietly, owner.client, project)
            return project

        yield make_project


@pytest.fixture
def plexdev_make_node(plexdev_stack: Stack, plexdev_tenant: FreshTenant, plexdev_project: Project) -> MakeNode:
    """Register a further Node, as ``plexdev_make_node(project, healthy=True)``; by default in ``plexdev_project``.

    It sends no heartbeat by itself. The contract deletes no Node, so it ends with its tenant.

    Example::

        def test_one_silent_node_leaves_the_others_healthy(plexdev_make_node):
            silent, other = plexdev_make_node(healthy=True), plexdev_make_node(healthy=True)
            silent.silence()
            silent.wait_until("stale")
            assert other.reachability() == "healthy"
    """
    from pytest_plexdev.testkit.factories import enrol_node

    def make_node(project: Project | None = None, *, healthy: bool = False) -> NodeAgent:
        # All fresh tenants have the same admin.
        node = enrol_node(plexdev_tenant.client, project or plexdev_project, stack=plexdev_stack)
        if healthy:
            node.heartbeat()
        return node

    return make_node
