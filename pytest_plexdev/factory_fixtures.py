"""The public fixtures that are called: each call creates a further object, or opens a further client."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_plexdev.api.domains import ReachabilityPolicy
    from pytest_plexdev.api.projects import Project
    from pytest_plexdev.testkit.browser_state import BrowserStates
    from pytest_plexdev.testkit.factories import MakeNode, MakeProject, MakeTenant, TenantFactory
    from pytest_plexdev.testkit.http_clients import AsyncHttpClients, HttpClients
    from pytest_plexdev.testkit.login import Logins
    from pytest_plexdev.testkit.node_agent import NodeAgent
    from pytest_plexdev.testkit.oidc import Oidc
    from pytest_plexdev.testkit.people import MakePerson, Person, Role
    from pytest_plexdev.testkit.stack import Stack
    from pytest_plexdev.testkit.tenancy import FreshTenant, Tenants


@pytest.fixture(scope="session")
def plexdev_tenant_factory(plexdev_tenants: Tenants, plexdev_login: Logins, _plexdev_leftovers: None) -> TenantFactory:
    """Create tenants in fixtures of any scope: ``with plexdev_tenant_factory() as tenant`` (``TenantFactory``).

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
    """Create a further tenant, as ``plexdev_make_tenant(policy=...)`` (``MakeTenant``).

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
    """Create a further Project, as ``plexdev_make_project(slug=...)`` in ``plexdev_tenant`` (``MakeProject``).

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
    """Register a further Node, as ``plexdev_make_node(healthy=True)`` in ``plexdev_project`` (``MakeNode``).

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


@pytest.fixture
def plexdev_make_person(
    plexdev_stack: Stack, plexdev_login: Logins, plexdev_tenant: FreshTenant
) -> Iterator[MakePerson]:
    """Create a person, as ``plexdev_make_person(email, roles=[...])`` in ``plexdev_tenant`` (``MakePerson``).

    A role is a relation to the Domain (``"member"``), or to a Project or Group (``("viewer", project)``). On a stack
    whose identity provider cannot create users, a kind cluster for example, a test that needs a new one is skipped.

    Example::

        import pytest
        from pytest_plexdev import ProblemError


        def test_a_viewer_reads_and_does_not_write(plexdev_make_person, plexdev_project):
            viewer = plexdev_make_person(roles=[("viewer", plexdev_project)])
            assert viewer.client.projects.get(plexdev_project.id) == plexdev_project
            with pytest.raises(ProblemError, match="permission_denied"):
                viewer.client.projects.delete(plexdev_project.id)
    """
    from pytest_plexdev.testkit.people import create_person, delete_user

    with contextlib.ExitStack() as people:

        def make_person(
            email: str | None = None, *, roles: Sequence[Role] = (), tenant: FreshTenant | None = None
        ) -> Person:
            return create_person(
                plexdev_stack,
                plexdev_login,
                tenant or plexdev_tenant,
                email=email,
                roles=roles,
                on_created=lambda address: people.callback(delete_user, plexdev_stack, address),
            )

        yield make_person


@pytest.fixture
def plexdev_http(plexdev_stack: Stack, plexdev_tenants: Tenants) -> Iterator[HttpClients]:
    """Open an httpx client of the API that is signed in, as ``plexdev_http("acme-corp")`` (``HttpClients``).

    It sends as a seeded tenant's slug, a tenant, a login or a Node says, or anonymously with ``None``. Its exchanges
    are in the evidence of a failing test. It raises nothing if the API refuses a request.

    Example::

        from pytest_plexdev import assert_problem


        def test_a_tenant_may_not_read_another(plexdev_http, plexdev_tenant):
            response = plexdev_http("beta-llc").get(f"/v1/domains/{plexdev_tenant.domain_id}")
            assert_problem(response, 403, "permission_denied")
    """
    from pytest_plexdev.testkit.http_clients import HttpClients

    clients = HttpClients(plexdev_tenants, plexdev_stack.anonymous)
    yield clients
    clients.close()


@pytest.fixture
def plexdev_async_http(plexdev_stack: Stack, plexdev_tenants: Tenants) -> AsyncHttpClients:
    """Open an asynchronous httpx client: ``async with plexdev_async_http("acme-corp") as http`` (``AsyncHttpClients``).

    It is for the event loop of the test, so the test closes it. All else is as with :func:`plexdev_http`.

    Example::

        import asyncio


        def test_a_domain_is_read(plexdev_async_http, plexdev_tenant):
            async def read():
                async with plexdev_async_http(plexdev_tenant) as http:
                    return await http.get(f"/v1/domains/{plexdev_tenant.domain_id}")

            assert asyncio.run(read()).json()["slug"] == plexdev_tenant.slug
    """
    from pytest_plexdev.testkit.http_clients import AsyncHttpClients

    return AsyncHttpClients(plexdev_tenants, plexdev_stack.anonymous)


@pytest.fixture(scope="session")
def plexdev_oidc(plexdev_stack: Stack) -> Oidc:
    """Sign in at the identity provider as an OAuth 2 client: ``plexdev_oidc("admin@example.com")`` (``Oidc``).

    The result has the tokens, and the validated claims of the ID token. For programs that sign in by themselves; a
    test of the control plane is shorter with ``plexdev_login``. Needs the extra ``oidc``.

    Example::

        def test_an_id_token_names_the_person(plexdev_oidc):
            tokens = plexdev_oidc("member@example.com")
            assert tokens.claims["email"] == "member@example.com"
    """
    from pytest_plexdev.core.extras import need

    need("oidc", "authlib")
    need("oidc", "joserfc")
    from pytest_plexdev.testkit.oidc import Oidc
    from pytest_plexdev.testkit.oidc_types import stack_client
    from pytest_plexdev.testkit.stack import log_location

    log = log_location(plexdev_stack.info, "dex")
    return Oidc(plexdev_stack.anonymous, plexdev_stack.issuer, client=stack_client(plexdev_stack.api_url), log=log)


@pytest.fixture(scope="session")
def plexdev_browser_state(plexdev_stack: Stack, plexdev_tenants: Tenants) -> BrowserStates:
    """Sign in a browser: ``plexdev_browser_state("acme-corp")`` is Playwright's ``storage_state`` (``BrowserStates``).

    Each call is a session of its own. The default user is the tenant's admin.

    Example::

        def test_a_browser_has_a_session(plexdev_browser_state):
            state = plexdev_browser_state("acme-corp")
            assert "plexsphere_session" in [cookie["name"] for cookie in state["cookies"]]
    """
    from pytest_plexdev.testkit.browser_state import BrowserStates
    from pytest_plexdev.testkit.stack import API, log_location

    return BrowserStates(plexdev_stack.anonymous, plexdev_tenants, log=log_location(plexdev_stack.info, API))
