"""Register a Node and send heartbeats and telemetry, like the agent plexd."""

from __future__ import annotations

import base64
import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pytest_plexdev.api import Client
from pytest_plexdev.api.bootstrap_tokens import IssuedBootstrapToken, Registration, register
from pytest_plexdev.api.nodes import HeartbeatAccepted, ReachabilityState
from pytest_plexdev.api.observability import AuditEvent, IngestReceipt, LogLine, MetricSample
from pytest_plexdev.api.projects import Project
from pytest_plexdev.core.extras import need

NONCE_BYTES: Final = 12
"""Of the envelope of a secret."""
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

    Example::

        from ipaddress import ip_address, ip_network

        def test_a_node_has_an_address_of_its_domain(plexdev_node, plexdev_tenant):
            addresses = ip_network(plexdev_tenant.domain.mesh_cidr)
            assert ip_address(plexdev_node.mesh_ip) in addresses
    """

    registration: Registration
    project: Project
    operator: Client = field(repr=False)

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
    ) -> NodeAgent:
        """Register a Node with the token. Like the agent, use a new nonce by default.

        Args:
            public_key: By default a random one.

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
        return cls(registration=registration, project=project, operator=operator)

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
