"""Create Domains, tenants, Projects and Nodes for tests, and remove them."""

from __future__ import annotations

import contextlib
import ipaddress
import secrets
from collections.abc import Iterator
from itertools import chain
from typing import Final, Protocol

from pytest_plexdev.api import Client
from pytest_plexdev.api.domains import Domain, ReachabilityPolicy
from pytest_plexdev.api.idp_bindings import IdpBinding
from pytest_plexdev.api.projects import Project
from pytest_plexdev.core.unique_slugs import DOMAIN_PREFIX, unique_slug
from pytest_plexdev.testkit.login import Logins
from pytest_plexdev.testkit.node_agent import NodeAgent
from pytest_plexdev.testkit.stack import Stack
from pytest_plexdev.testkit.tenancy import FreshTenant, Tenants

IN_OPENBAO: Final = "openbao:"
"""The scheme of references to secrets in OpenBao."""


def random_ula() -> str:
    """Return a random /48 of the unique local addresses (RFC 4193) in canonical form. Domains must not overlap."""
    return str(ipaddress.IPv6Network((0xFD << 120 | secrets.randbits(40) << 80, 48)))


def create_domain(
    operator: Client, *, run_mark: str | None = None, reachability: ReachabilityPolicy | None = None
) -> Domain:
    """Create a Domain with a unique name and address range.

    Args:
        operator: The API as a platform operator.
        run_mark: The mark of the run, by which a later run can remove it (:mod:`pytest_plexdev.testkit.leftovers`).
    """
    slug = unique_slug(DOMAIN_PREFIX)
    return operator.domains.create(
        name=f"Test {slug}", slug=slug, mesh_cidr=random_ula(), description=run_mark, reachability=reachability
    )


def bind(tenants: Tenants, *, domain_id: str) -> IdpBinding:
    """Bind a Domain to the seeded tenants' identity provider. The first sign-in of a user creates the Identity."""
    model = _model(tenants)
    return tenants.operator.client.idp_bindings.create(
        domain_id=domain_id,
        issuer=model.issuer,
        client_id=model.client_id,
        client_secret_ref=model.client_secret_ref,
        discovery_url=model.discovery_url,
        jit_policy="allow",
    )


def _model(tenants: Tenants) -> IdpBinding:
    """A seeded binding whose client secret another Domain may use too: one in OpenBao is its own Domain's only."""
    operator = tenants.operator
    first = operator.client.idp_bindings.get(operator.binding_id)
    others = (each.client.idp_bindings.get(each.binding_id) for each in reversed(list(tenants.values())))
    return next((each for each in chain([first], others) if not each.client_secret_ref.startswith(IN_OPENBAO)), first)


def create_tenant(tenants: Tenants, logins: Logins, *, policy: ReachabilityPolicy | None = None) -> FreshTenant:
    """Create a Domain with a binding to the seeded tenants' identity provider.

    Args:
        policy: When its silent Nodes become stale and unreachable; by default the API's policy.
    """
    operator = tenants.operator.client
    domain = create_domain(operator, run_mark=tenants.run_mark, reachability=policy)
    return FreshTenant(domain, bind(tenants, domain_id=domain.id), operator, logins)


class TenantFactory:
    """Creates tenants in fixtures of any scope. A call returns a context manager, which removes the tenant at its end.

    Args:
        tenants: The seeded tenants: their operator creates the Domains, and is their admin.
        logins: Logs users in to the tenants.

    Example::

        from pytest_plexdev import FASTEST_POLICY

        def test_a_tenant_for_a_part_of_a_test(plexdev_tenant_factory):
            with plexdev_tenant_factory(policy=FASTEST_POLICY) as tenant:
                assert tenant.domain.reachability.stale_after == "30s"
    """

    def __init__(self, tenants: Tenants, logins: Logins) -> None:
        self._tenants = tenants
        self._logins = logins

    @contextlib.contextmanager
    def __call__(self, *, policy: ReachabilityPolicy | None = None) -> Iterator[FreshTenant]:
        """Create a tenant: a Domain with a binding to the stack's identity provider.

        Args:
            policy: When its silent Nodes become stale and unreachable; by default the API's policy.

        Raises:
            ProblemError: The API refused it: 400 ``invalid_domain`` if the policy is below the contract's minimum.
        """
        tenant = create_tenant(self._tenants, self._logins, policy=policy)
        try:
            yield tenant
        finally:
            remove_quietly(tenant)


class MakeTenant(Protocol):
    """Creates a further tenant, and removes it after the test.

    Example::

        from pytest_plexdev import FASTEST_POLICY

        def test_a_policy_of_its_own(plexdev_make_tenant):
            fast, slow = plexdev_make_tenant(policy=FASTEST_POLICY), plexdev_make_tenant()
            assert fast.domain.reachability != slow.domain.reachability
    """

    def __call__(self, *, policy: ReachabilityPolicy | None = None) -> FreshTenant:
        """Create it.

        Args:
            policy: When its silent Nodes become stale and unreachable; by default the API's policy.

        Raises:
            ProblemError: The API refused it: 400 ``invalid_domain`` if the policy is below the contract's minimum.
        """


class MakeProject(Protocol):
    """Creates a further Project, and removes it after the test.

    Example::

        def test_a_slug_is_free_in_another_tenant(plexdev_make_tenant, plexdev_make_project):
            one, other = plexdev_make_tenant(), plexdev_make_tenant()
            assert plexdev_make_project(one, slug="shop").id != plexdev_make_project(other, slug="shop").id
    """

    def __call__(self, tenant: FreshTenant | None = None, *, slug: str | None = None) -> Project:
        """Create it.

        Args:
            tenant: By default the test's ``plexdev_tenant``.
            slug: By default a unique one.

        Raises:
            ProblemError: The API refused it: 409 ``project_slug_conflict`` if the tenant has this slug.
        """


class MakeNode(Protocol):
    """Registers a further Node.

    Example::

        def test_a_node_of_another_project(plexdev_make_project, plexdev_make_node):
            node = plexdev_make_node(plexdev_make_project(slug="edge"), healthy=True)
            assert (node.project.slug, node.reachability()) == ("edge", "healthy")
    """

    def __call__(self, project: Project | None = None, *, healthy: bool = False) -> NodeAgent:
        """Register it.

        Args:
            project: A Project of a fresh tenant; by default the test's ``plexdev_project``.
            healthy: Whether it sends a first heartbeat.

        Raises:
            ProblemError: The API refused it.
        """


def create_project(client: Client, *, domain_id: str, slug: str | None = None) -> Project:
    """Create a Project, by default with a unique slug."""
    slug = slug or unique_slug("p")
    return client.projects.create(domain_id=domain_id, name=f"Test {slug}", slug=slug)


def enrol_node(client: Client, project: Project, *, stack: Stack | None = None) -> NodeAgent:
    """Adopt a Resource, issue a bootstrap token, and register a Node with it.

    Args:
        stack: The stack of the API, for the Node's ``silence``.
    """
    handle = unique_slug("edge")
    client.resources.adopt(project.id, external_ref=handle)
    token = client.bootstrap_tokens.issue(project.id)
    return NodeAgent.register(client, project=project, resource_handle=handle, bootstrap_token=token, stack=stack)


def remove_quietly(tenant: FreshTenant) -> None:
    """Remove what the contract allows; ignore errors.

    The contract cannot delete Nodes and Identities, so a Domain with one of them is kept. It affects no test, and a
    later run removes it (:mod:`pytest_plexdev.testkit.leftovers`).
    """
    client = tenant.client
    with contextlib.suppress(Exception):
        client.idp_bindings.delete(tenant.binding_id)
        for project in client.projects.list(domain_id=tenant.domain_id):
            _remove_project(client, project)
        client.domains.delete(tenant.domain_id)


def remove_project_quietly(client: Client, project: Project) -> None:
    """Remove a Project; ignore errors. One with a Node is kept: it ends with its tenant."""
    with contextlib.suppress(Exception):
        _remove_project(client, project)


def _remove_project(client: Client, project: Project) -> None:
    for resource in client.resources.list(project.id):
        client.resources.delete(resource.id)
    client.projects.delete(project.id)
