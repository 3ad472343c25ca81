"""A stack that one test has to itself, with clients of its own, which the test may break."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Final

from pytest_plexdev.api import Client
from pytest_plexdev.api.domains import ReachabilityPolicy
from pytest_plexdev.core.faults import Faults
from pytest_plexdev.core.model import StackInfo
from pytest_plexdev.core.provider import Observer
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.tests import CAPABILITY_MISSING
from pytest_plexdev.testkit.elapsed_time import age_rows
from pytest_plexdev.testkit.factories import create_project, create_tenant, enrol_node
from pytest_plexdev.testkit.login import Logins
from pytest_plexdev.testkit.node_agent import NodeAgent
from pytest_plexdev.testkit.stack import API, Stack, log_location
from pytest_plexdev.testkit.tenancy import FreshTenant, Tenants, seeded_tenants

_KNOWN_TABLES: Final = "age-heartbeat"
"""The capability of a stack whose tables are known."""


class OwnStack(Stack):
    """A stack for one test: all that :class:`Stack` has, its clients, and faults that are refused on a shared stack.

    Nothing of it is left after the test, so nothing has to be mended or cleaned up.

    Example::

        import pytest
        from pytest_plexdev import PlexdevError


        def test_api_is_killed_and_comes_back(plexdev_own_stack):
            fault = plexdev_own_stack.kill("plexsphere")
            with pytest.raises(PlexdevError, match="fault-in-force"):
                plexdev_own_stack.anonymous.meta.version()
            fault.undo()
            assert plexdev_own_stack.anonymous.meta.version().version
    """

    def __init__(self, info: StackInfo, provider: Observer, *, faults: Faults, logins: Path) -> None:
        super().__init__(info, provider, faults=faults)
        self._login_directory = logins

    @cached_property
    def login(self) -> Logins:
        """Logs users in to this stack, as ``plexdev_login`` does."""
        log = log_location(self.info, API)
        return Logins(self.anonymous, self._login_directory, log=log, by_slug=lambda slug: self.tenants[slug])

    @cached_property
    def tenants(self) -> Tenants:
        """The seeded tenants of this stack by slug."""
        return seeded_tenants(self, self.login)

    @property
    def client(self) -> Client:
        """The ``/v1`` API as the seed's first platform operator."""
        return self.tenants.operator.client

    def make_tenant(self, *, policy: ReachabilityPolicy | None = None) -> FreshTenant:
        """Create a Domain with an IdP binding.

        Args:
            policy: When its silent Nodes become stale and unreachable; by default the API's policy.

        Raises:
            ProblemError: The API refused it.
        """
        return create_tenant(self.tenants, self.login, policy=policy)

    def make_node(self, tenant: FreshTenant | None = None, *, healthy: bool = False) -> NodeAgent:
        """Register a Node in a new Project.

        Args:
            tenant: Its tenant; by default a new one.
            healthy: Send its first heartbeat.

        Raises:
            ProblemError: The API refused it.
        """
        owner = tenant or self.make_tenant()
        project = create_project(owner.client, domain_id=owner.domain_id)
        node = enrol_node(owner.client, project, stack=self)
        if healthy:
            node.heartbeat()
        return node

    def advance_clock(self, seconds: float) -> None:
        """Let time pass for the control plane: all that it has stored becomes *seconds* older, and it starts again.

        Logins, tokens, invitations and device codes expire, and silent Nodes become stale. The audit trail keeps its
        times, which its hashes cover. Clocks keep their time, so what comes afterwards has the real one.

        Raises:
            PlexdevError: ``capability-missing``: the tables of this control plane are not known; ``restart-failed``.
        """
        if not self.can(_KNOWN_TABLES):
            raise PlexdevError(CAPABILITY_MISSING, capability=_KNOWN_TABLES)
        age_rows(self, seconds)
        self.restart(API)
