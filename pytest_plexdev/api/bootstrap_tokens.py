"""``/v1/projects/{id}/bootstrap-tokens`` and ``/v1/register``: the registration of Nodes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from pytest_plexdev.api.problems import hides_its_frames
from pytest_plexdev.api.timestamp import Timestamp
from pytest_plexdev.api.transport import Transport, body_of
from pytest_plexdev.core.clock import unix_time

__tracebackhide__ = hides_its_frames


class IssuedBootstrapToken(msgspec.Struct, frozen=True, kw_only=True):
    """A new token. The API returns its plaintext only once."""

    token_id: str
    token: str
    issued_at: Timestamp
    expires_at: Timestamp

    def __repr__(self) -> str:
        return f"IssuedBootstrapToken(token_id={self.token_id!r}, token='psb_***')"


class BootstrapToken(msgspec.Struct, frozen=True, kw_only=True):
    """A token without its plaintext."""

    id: str
    project_id: str
    kind: str
    env_prefix: str
    issued_at: Timestamp
    expires_at: Timestamp
    issued_by_user_id: str
    consumed_at: Timestamp | None = None
    revoked_at: Timestamp | None = None

    @property
    def state(self) -> Literal["issued", "consumed", "revoked", "expired"]:
        """The state now. All states but ``issued`` are final."""
        if self.consumed_at is not None:
            return "consumed"
        if self.revoked_at is not None:
            return "revoked"
        expired = self.expires_at.timestamp() <= unix_time()
        return "expired" if expired else "issued"


class Peer(msgspec.Struct, frozen=True, kw_only=True):
    """Another Node of the mesh, in the answer to a registration."""

    node_id: str
    mesh_ip: str
    public_key: str
    fallback_endpoint: str | None = None


class Registration(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a registration. ``nsk`` is 32 bytes in base64; the API returns it only once."""

    node_id: str
    mesh_ip: str
    signing_public_key: str
    signing_key_id: str
    nsk: str
    peer_snapshot: list[Peer]
    domain_mesh_cidr: str

    def __repr__(self) -> str:
        return f"Registration(node_id={self.node_id!r}, mesh_ip={self.mesh_ip!r}, nsk='***')"


class BootstrapTokens:
    """The bootstrap tokens of Projects."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def issue(
        self,
        project_id: str,
        *,
        kind: Literal["node", "bridge"] = "node",
        env_prefix: str = "dev",
        ttl_seconds: int = 3600,
    ) -> IssuedBootstrapToken:
        """Issue a token; *ttl_seconds* is 300 to 86400."""
        body = {"kind": kind, "env_prefix": env_prefix, "ttl_seconds": ttl_seconds}
        path = f"/v1/projects/{project_id}/bootstrap-tokens"
        return self._transport.request("POST", path, IssuedBootstrapToken, body=body)

    def list(self, project_id: str) -> Iterator[BootstrapToken]:
        """Iterate over the tokens of a Project."""
        return self._transport.pages(f"/v1/projects/{project_id}/bootstrap-tokens", BootstrapToken)

    def get(self, project_id: str, token_id: str) -> BootstrapToken:
        """Read a token."""
        path = f"/v1/projects/{project_id}/bootstrap-tokens/{token_id}"
        return self._transport.request("GET", path, BootstrapToken)

    def revoke(self, project_id: str, token_id: str) -> None:
        """Revoke a token. The API answers 409 if it is already consumed or revoked."""
        self._transport.run("DELETE", f"/v1/projects/{project_id}/bootstrap-tokens/{token_id}")


def register(
    transport: Transport,
    *,
    project_id: str,
    resource_handle: str,
    bootstrap_token: str,
    nonce: str,
    public_key: str,
    requested_resource_id: str | None = None,
) -> Registration:
    """Register a Node. The token in the body is the credential; *public_key* is base64 of 32 bytes (X25519).

    Raises:
        ProblemError: ``token_consumed``, ``token_expired``, ``project_mismatch``, ``nonce_collision``,
            ``resource_not_found``, ``public_key_invalid`` and others. A refusal does not consume the token.
    """
    body = body_of(
        project_id=project_id,
        resource_handle=resource_handle,
        bootstrap_token=bootstrap_token,
        nonce=nonce,
        public_key=public_key,
        requested_resource_id=requested_resource_id,
    )
    return transport.as_principal(None).request("POST", "/v1/register", Registration, body=body)
