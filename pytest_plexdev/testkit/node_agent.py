"""Register a Node and send heartbeats and telemetry, like the agent plexd."""

from __future__ import annotations

import base64
import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from pytest_plexdev.api import Client
from pytest_plexdev.api.bootstrap_tokens import IssuedBootstrapToken, Registration, register
from pytest_plexdev.api.nodes import REACHABILITY_STATES, HeartbeatAccepted, ReachabilityState
from pytest_plexdev.api.observability import AuditEvent, IngestReceipt, LogLine, MetricSample
from pytest_plexdev.api.projects import Project
from pytest_plexdev.core.extras import need
from pytest_plexdev.core.lookup import unknown_name
from pytest_plexdev.core.poll import poll
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.tests import NODE_STATE
from pytest_plexdev.testkit import heartbeat_age
from pytest_plexdev.testkit.eventually import History, pause_of
from pytest_plexdev.testkit.stack import Stack

NONCE_BYTES: Final = 12
"""Of the envelope of a secret."""
WAIT_S: Final = 10.0
"""Default time limit of a wait for a state."""
BINARY_VERSION: Final = "0.0.0-plexdev"
BINARY_CHECKSUM: Final = base64.b64encode(b"\x01" * 32).decode()
"""Base64 of 32 bytes, the format that all versions of the contract accept."""


def nsk_bearer(node_id: str, nsk: str) -> str:
    """Return the bearer token of a Node: ``nsk_plexd_`` and base64url of its id (16 bytes) and NSK (32 bytes).

    The NSK itself, as the API returned it, is not a bearer token.
    """
    envelope = uuid.UUID(node_id).bytes + base64.b64decode(nsk, validate=True)
    return f"nsk_plexd_{base64.urlsafe_b64encode(envelope).rstrip(b'=').decode()}"


def x25519_public_key() -> str:
    """Return a random public key: base64 of 32 bytes. Any 32 bytes except zeros are one; it has no private key."""
    return base64.b64encode(os.urandom(31) + b"\x01").decode()


@dataclass(frozen=True, kw_only=True)
class NodeAgent:
    """A registered Node and its credential.

    Attributes:
        registration: The API's response to the registration.
        project: The Project of the Node.
        operator: The API as a principal that can read the Node: its Domain's admin.
        stack: The stack, for :meth:`silence`.

    Example::

        def test_a_silent_node_is_noticed_and_comes_back(plexdev_node):
            plexdev_node.heartbeat()
            plexdev_node.silence()
            plexdev_node.wait_until("stale")
            plexdev_node.heartbeat()
            assert plexdev_node.reachability() == "healthy"
    """

    registration: Registration
    project: Project
    operator: Client = field(repr=False)
    stack: Stack | None = field(default=None, repr=False, compare=False)

    @classmethod
    def register(
        cls,
        operator: Client,
        *,
        project: Project,
        resource_handle: str,
        bootstrap_token: IssuedBootstrapToken,
        public_key: str | None = None,
        nonce: str | None = None,
        stack: Stack | None = None,
    ) -> NodeAgent:
        """Register a Node with the token. Like the agent, use a new nonce by default.

        Args:
            public_key: By default a random one.
            stack: The stack of the API, for :meth:`silence`.

        Raises:
            ProblemError: The API refused the registration; the token is not consumed.
        """
        registration = register(
            operator.transport,
            project_id=project.id,
            resource_handle=resource_handle,
            bootstrap_token=bootstrap_token.token,
            nonce=nonce or str(uuid.uuid4()),
            public_key=public_key or x25519_public_key(),
        )
        return cls(registration=registration, project=project, operator=operator, stack=stack)

    @property
    def id(self) -> str:
        """The Node's id."""
        return self.registration.node_id

    @property
    def mesh_ip(self) -> str:
        """The Node's address in the mesh of its Domain."""
        return self.registration.mesh_ip

    @property
    def client(self) -> Client:
        """The API as the Node itself."""
        return self.operator.as_principal(nsk_bearer(self.registration.node_id, self.registration.nsk))

    def heartbeat(self, *, nat_summary: Mapping[str, Any] | None = None) -> HeartbeatAccepted:
        """Send a heartbeat.

        Raises:
            ProblemError: The API refused it.
        """
        return self.client.nodes.heartbeat(
            self.id,
            binary_checksum=BINARY_CHECKSUM,
            binary_version=BINARY_VERSION,
            nat_summary=nat_summary or {},
        )

    def silence(self, *, until: str = "stale", seconds: float | None = None) -> None:
        """Let time pass without a heartbeat: the last one is then as long ago as the Domain's policy says.

        It takes no time. On a stack with another control plane than the reference plane the test is skipped, because
        only the time itself makes a Node stale there: :meth:`wait_until` waits for it.

        Args:
            until: The state that the silence leads to, ``stale`` or ``unreachable``.
            seconds: In place of it, the age of the last heartbeat.

        Raises:
            PlexdevError: ``unknown-name``: silence does not lead to this state; ``extra-missing``; the errors of a
                port-forward.
            ValueError: The Node was registered without its stack.
        """
        if self.stack is None:
            raise ValueError("this Node knows no stack: pass stack=plexdev_stack to NodeAgent.register")
        if not self.stack.can(heartbeat_age.CAPABILITY):
            pytest.skip(f"this stack cannot age a heartbeat; wait in real time: node.wait_until({until!r}, within=…)")
        if seconds is None:
            heartbeat_age.age_until(self.stack, self.id, until)
        else:
            heartbeat_age.age_by(self.stack, self.id, seconds)

    def wait_until(self, state: str, *, within: float = WAIT_S) -> ReachabilityState:
        """Wait until the Node is in a state: ``healthy``, ``stale`` or ``unreachable``.

        Args:
            within: Time limit in seconds. To see a Node become stale without :meth:`silence`, it must be longer than
                the policy's deadline: 30 s with ``FASTEST_POLICY``, 90 s by default.

        Raises:
            PlexdevError: ``node-state``: it was not in time. The error lists each state that was seen, and when it
                changed. ``unknown-name``: a Node has no such state.
        """
        if state not in REACHABILITY_STATES:
            raise unknown_name("a Node", "state", state, REACHABILITY_STATES)
        history = History()
        # Polling, because the contract's event stream is not provisioned.
        found = poll(
            lambda: history.add(self.reachability()),
            until=lambda current: current == state,
            every_s=pause_of(within),
            timeout_s=within,
        )
        if found != state:
            raise self._not_in(state, found, within, history)
        return found

    def _not_in(self, wanted: str, state: str, seconds: float, history: History) -> PlexdevError:
        policy = self.operator.domains.get(self.project.domain_id).reachability
        fix = "send a heartbeat: node.heartbeat()"
        if wanted != "healthy":
            fix = f"let the time pass by node.silence(until={wanted!r}); or wait for it: "
            fix += f"node.wait_until({wanted!r}, within=…)"
        facts = {"wanted": wanted, "state": state, "seconds": seconds, "fix": fix}
        facts |= {"stale_after": policy.stale_after, "unreachable_after": policy.unreachable_after}
        return PlexdevError(NODE_STATE, node=self.id, detail=str(history), **facts)

    def read_secret(self, name: str, *, version: int | None = None) -> str:
        """Read a secret of the Node's Project and decrypt it with the NSK.

        It is the text under the key ``value`` of ``domains/<Domain>/projects/<Project>/<name>`` in OpenBao.

        Raises:
            ProblemError: 404 ``secret_not_found``, ``secret_version_not_found``; 503 ``openbao_unavailable``.
            PlexdevError: ``extra-missing``.
        """
        need("full", "cryptography")
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        secret = self.client.nodes.secret(self.id, name, version=version)
        key = AESGCM(base64.b64decode(self.registration.nsk, validate=True))
        return key.decrypt(secret.envelope[:NONCE_BYTES], secret.envelope[NONCE_BYTES:], None).decode()

    def send_metrics(self, *samples: MetricSample) -> IngestReceipt:
        """Send a batch of samples, compressed, as the agent does.

        Raises:
            ProblemError: The API refused it.
        """
        return self.client.observability.send_metrics(self.id, samples)

    def send_logs(self, *lines: LogLine | str) -> IngestReceipt:
        """Send a batch of log lines. A text is the message of a line with the severity ``info``.

        Raises:
            ProblemError: The API refused it.
        """
        whole = [each if isinstance(each, LogLine) else LogLine(message=each) for each in lines]
        return self.client.observability.send_logs(self.id, whole)

    def send_audit(self, *events: AuditEvent) -> IngestReceipt:
        """Send a batch of audit events.

        Raises:
            ProblemError: The API refused it.
        """
        return self.client.observability.send_audit(self.id, events)

    def reachability(self) -> ReachabilityState:
        """Read the state as the operator: ``healthy``, ``stale`` or ``unreachable``."""
        return ReachabilityState.of(self.operator.nodes.reachability(self.id))
