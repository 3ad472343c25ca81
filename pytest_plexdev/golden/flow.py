"""Create the objects of the golden flow, each once and on first use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar, overload

from pytest_plexdev.api import Client
from pytest_plexdev.api.bootstrap_tokens import BootstrapToken, IssuedBootstrapToken
from pytest_plexdev.api.domains import FASTEST_POLICY, Domain
from pytest_plexdev.api.identities import Identity
from pytest_plexdev.api.idp_bindings import IdpBinding
from pytest_plexdev.api.projects import Project
from pytest_plexdev.api.resources import Resource
from pytest_plexdev.core.unique_slugs import unique_slug
from pytest_plexdev.golden.failures import Failures
from pytest_plexdev.testkit.factories import bind, create_domain, create_project
from pytest_plexdev.testkit.login import Login, Logins
from pytest_plexdev.testkit.node_agent import NodeAgent
from pytest_plexdev.testkit.stack import Stack
from pytest_plexdev.testkit.tenancy import FreshTenant, Tenants

Value = TypeVar("Value")


class step(Generic[Value]):  # noqa: N801 - reads as the decorator that it is, like property
    """Like ``cached_property``, but it also caches a failure: tests that use it later are skipped with the reason.

    Each worker of a run creates objects of its own. If two fail in the same step, the second is skipped too.
    """

    def __init__(self, create: Callable[[Golden], Value]) -> None:
        self._create = create
        self._name = create.__name__
        self.__doc__ = create.__doc__

    @overload
    def __get__(self, golden: None, owner: type) -> step[Value]: ...

    @overload
    def __get__(self, golden: Golden, owner: type) -> Value: ...

    def __get__(self, golden: Golden | None, owner: type) -> step[Value] | Value:
        if golden is None:
            return self
        golden.failures.skip_if_recorded(self._name)
        try:
            value = self._create(golden)
        except Exception as error:
            if not golden.failures.record(self._name, error, secrets=golden.stack.secrets):
                golden.failures.skip_if_recorded(self._name)
            raise
        golden.__dict__[self._name] = value
        return value


@dataclass(frozen=True)
class GoldenToken:
    """The bootstrap token of the flow, as it was issued and as it was first read."""

    issued: IssuedBootstrapToken
    first_seen: BootstrapToken
    project: Project
    client: Client

    def refresh(self) -> BootstrapToken:
        """Read the token again."""
        return self.client.bootstrap_tokens.get(self.project.id, self.issued.token_id)


class Golden:
    """The golden flow's Domain, Project, binding, Identity, Resource, token and Node.

    Args:
        failures: What failed in this run.
    """

    def __init__(
        self,
        stack: Stack,
        tenants: Tenants,
        logins: Logins,
        failures: Failures,
    ) -> None:
        self.stack = stack
        self.tenants = tenants
        self.failures = failures
        self._logins = logins

    @step
    def operator(self) -> Login:
        """The platform operator, who may create Domains; by default the seeded admin of acme-corp."""
        return self.tenants.operator.login

    @step
    def domain(self) -> Domain:
        """A new Domain with the fastest reachability policy."""
        return create_domain(self.operator.client, run_mark=self.tenants.run_mark, reachability=FASTEST_POLICY)

    @step
    def project(self) -> Project:
        """A new Project in the Domain."""
        return create_project(self.operator.client, domain_id=self.domain.id)

    @step
    def binding(self) -> IdpBinding:
        """The Domain's binding to the stack's identity provider."""
        return bind(self.tenants, domain_id=self.domain.id)

    @step
    def member(self) -> Login:
        """A user who signed in through the binding."""
        return FreshTenant(self.domain, self.binding, self.operator.client, self._logins).login

    @step
    def resource(self) -> Resource:
        """An adopted Resource in the Project."""
        return self.operator.client.resources.adopt(self.project.id, external_ref=unique_slug("edge"))

    @step
    def bootstrap_token(self) -> GoldenToken:
        """A bootstrap token of the Project."""
        client = self.operator.client
        issued = client.bootstrap_tokens.issue(self.project.id)
        first_seen = client.bootstrap_tokens.get(self.project.id, issued.token_id)
        return GoldenToken(issued, first_seen, self.project, client)

    @step
    def node(self) -> NodeAgent:
        """The Node that registered with the token."""
        return NodeAgent.register(
            self.operator.client,
            project=self.project,
            resource_handle=self.resource.external_ref,
            bootstrap_token=self.bootstrap_token.issued,
            stack=self.stack,
        )

    @step
    def healthy_node(self) -> NodeAgent:
        """The Node after its first heartbeat."""
        self.node.heartbeat()
        return self.node

    def identity(self) -> Identity:
        """The Identity of the member, from the list of the Domain."""
        subject = self.member.whoami().subject
        listed = {identity.id: identity for identity in self.operator.client.identities.list(self.domain.id)}
        return listed[subject]
