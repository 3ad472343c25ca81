"""Create Domains, tenants, Projects and Nodes for one test, and remove them."""

from __future__ import annotations

import contextlib
import ipaddress
import secrets
from itertools import chain
from typing import Final

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


def create_tenant(tenants: Tenants, logins: Logins) -> FreshTenant:
    """Create a tenant for one test: a Domain with a binding to the stack's identity provider."""
    operator = tenants.operator.client
    domain = create_domain(operator, run_mark=tenants.run_mark)
    return FreshTenant(domain, bind(tenants, domain_id=domain.id), operator, logins)


def create_project(client: Client, *, domain_id: str) -> Project:
    """Create a Project with a unique name."""
    slug = unique_slug("p")
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


def _remove_project(client: Client, project: Project) -> None:
    for resource in client.resources.list(project.id):
        client.resources.delete(resource.id)
    client.projects.delete(project.id)
