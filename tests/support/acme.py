"""The control plane of a running stack as the admin of acme-corp, and its database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from pytest_plexdev.api import Client
from pytest_plexdev.core.model import StackInfo
from pytest_plexdev.core.poll import poll
from pytest_plexdev.core.provider import Observer
from pytest_plexdev.testkit.heartbeat_age import age_by
from pytest_plexdev.testkit.login import Logins
from pytest_plexdev.testkit.stack import Stack
from pytest_plexdev.testkit.tenancy import seeded_tenants


@dataclass(frozen=True)
class Acme:
    """acme-corp of a running stack."""

    stack: Stack
    client: Client
    domain_id: str

    def nodes(self) -> list[str]:
        return [node.id for node in self.client.nodes.list(domain_id=self.domain_id)]

    def reachability(self, node: str) -> str:
        return self.client.nodes.reachability(node).state

    def wait_until(self, node: str, state: str, *, seconds: float) -> str:
        """Poll until a Node is in *state*; return its last state."""
        return poll(lambda: self.reachability(node), until=lambda now: now == state, every_s=0.5, timeout_s=seconds)

    def silence(self, node: str, silent_for: timedelta) -> None:
        """Set the age of a Node's last heartbeat, in the database."""
        age_by(self.stack, node, silent_for.total_seconds())

    def tokens(self) -> list[str]:
        """The states of the bootstrap tokens of plexd's Project, oldest first."""
        projects = [each for each in self.client.projects.list(domain_id=self.domain_id) if each.slug == "plexd"]
        return [token.state for each in projects for token in self.client.bootstrap_tokens.list(each.id)]


@contextmanager
def acme_of(info: StackInfo, provider: Observer, directory: Path) -> Iterator[Acme]:
    """Sign in; logins are cached in *directory*."""
    stack = Stack(info, provider)
    try:
        tenant = seeded_tenants(stack, Logins(stack.anonymous, directory, log="the API's log"))["acme-corp"]
        yield Acme(stack, tenant.client, tenant.domain_id)
    finally:
        stack.close()
