"""``/v1/nodes`` and ``/v1/domains/{id}/mesh/topology``: Nodes, their heartbeats and the mesh."""

from __future__ import annotations

import builtins
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Self

import msgspec

from pytest_plexdev.api.problems import hides_its_frames
from pytest_plexdev.api.timestamp import Timestamp
from pytest_plexdev.api.transport import Transport
from pytest_plexdev.core.clock import unix_time

__tracebackhide__ = hides_its_frames


REACHABILITY_STATES = ("healthy", "stale", "unreachable")


class Node(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    domain_id: str
    created_at: Timestamp
    name: str | None = None
    kind: str | None = None


class HeartbeatAccepted(msgspec.Struct, frozen=True, kw_only=True):
    accepted_at: Timestamp
    reconcile: bool
    rotate_keys: bool


class Reachability(msgspec.Struct, frozen=True, kw_only=True):
    """The reachability of a Node. ``state`` is one of :data:`REACHABILITY_STATES`; the contract may add others."""

    state: str
    changed_at: Timestamp
    last_heartbeat_at: Timestamp | None = None


class ReachabilityState(str):
    """The state of a Node as a text. If a comparison with it fails, the message has the rest of the reading.

    Attributes:
        reading: What the API returned.
        read_at: When it was read, Unix time in seconds.
    """

    reading: Reachability
    read_at: float

    @classmethod
    def of(cls, reading: Reachability) -> Self:
        """Return the state of a reading that was made just now."""
        state = cls(reading.state)
        state.reading, state.read_at = reading, unix_time()
        return state


class MeshNode(msgspec.Struct, frozen=True, kw_only=True):
    node_id: str
    mesh_ip: str
    reachability: str


class MeshEdge(msgspec.Struct, frozen=True, kw_only=True):
    source_node_id: str
    target_node_id: str
    mode: str
    status: str
    relay_node_id: str | None = None


class MeshTopology(msgspec.Struct, frozen=True, kw_only=True):
    domain_id: str
    generated_at: Timestamp
    nodes: list[MeshNode]
    edges: list[MeshEdge]


class NodeSecret(msgspec.Struct, frozen=True, kw_only=True):
    """A secret for a Node: 12 bytes nonce, then what AES-256-GCM made of its text with the NSK.

    Attributes:
        version: The version in OpenBao.
        key_id: Identifies the NSK.
    """

    envelope: bytes
    version: int
    key_id: str


class Nodes:
    """The Nodes that the principal may see."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self, *, domain_id: str | None = None) -> Iterator[Node]:
        """Iterate over the Nodes, by default of all Domains."""
        return self._transport.pages("/v1/nodes", Node, parameters={"domain_id": domain_id})

    def heartbeat(
        self,
        node_id: str,
        *,
        binary_checksum: str,
        binary_version: str,
        nat_summary: Mapping[str, builtins.object],
        client_now: datetime | None = None,
    ) -> HeartbeatAccepted:
        """Send a heartbeat. The principal must be the Node itself (NSK).

        *binary_checksum* is base64 of 32 bytes. *client_now* is the current time by default, and may be 60 s off.
        """
        body = {
            "client_now": client_now or datetime.fromtimestamp(unix_time(), UTC),
            "binary_checksum": binary_checksum,
            "binary_version": binary_version,
            "nat_summary": nat_summary,
        }
        return self._transport.request("POST", f"/v1/nodes/{node_id}/heartbeat", HeartbeatAccepted, body=body)

    def reachability(self, node_id: str) -> Reachability:
        """Read the reachability of a Node, according to its Domain's policy."""
        return self._transport.request("GET", f"/v1/nodes/{node_id}/reachability", Reachability)

    def secret(self, node_id: str, name: str, *, version: int | None = None) -> NodeSecret:
        """Read a secret of the Node's Project, encrypted. The principal must be the Node itself (NSK).

        Args:
            version: By default the current one.
        """
        path, parameters = f"/v1/nodes/{node_id}/secrets/{name}", {"version": version}
        response = self._transport.binary("GET", path, parameters=parameters)
        version_header, key_id = (response.headers[f"X-Plexsphere-Secret-{each}"] for each in ("Version", "KID"))
        return NodeSecret(envelope=response.content, version=int(version_header), key_id=key_id)

    def topology(self, domain_id: str) -> MeshTopology:
        """Read the mesh of a Domain, with the reachability of its Nodes."""
        return self._transport.request("GET", f"/v1/domains/{domain_id}/mesh/topology", MeshTopology)
