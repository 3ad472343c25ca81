"""``/v1/nodes`` and the mesh of a Domain."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from starlette.responses import Response

from plexsphere_reference import reachability as evaluation
from plexsphere_reference.http.context import Call
from plexsphere_reference.http.operation import Operation
from plexsphere_reference.http.problems import Problem
from plexsphere_reference.http.surfaces import domains as domains_surface
from plexsphere_reference.http.visibility import visible_rows
from plexsphere_reference.rules import heartbeat
from plexsphere_reference.rules import reachability as rules
from plexsphere_reference.rules.audit import AuditRecord
from plexsphere_reference.rules.heartbeat import InvalidHeartbeat
from plexsphere_reference.rules.tenancy import PLATFORM
from plexsphere_reference.store import nodes, reachability
from plexsphere_reference.store.nodes import Node
from plexsphere_reference.store.reachability import Standing


class HeartbeatRequest(msgspec.Struct, forbid_unknown_fields=True):
    """A heartbeat. ``nat_summary`` must be an object; its content is not stored."""

    client_now: Annotated[datetime, msgspec.Meta(tz=True)]
    nat_summary: dict[str, msgspec.Raw]
    binary_checksum: str = ""
    binary_version: str = ""


async def list_nodes(call: Call) -> Response:
    domain_id = call.query_id("domain_id", code="invalid_domain_filter")
    page = call.page(f"nodes:{domain_id}")

    async def read(after: list[Any] | None, most: int, among: Sequence[UUID] | None = None) -> list[Node]:
        return await nodes.list_page(call.plane.database, domain_id, UUID(after[0]) if after else None, most, among)

    rows = await visible_rows(call, page, "node", read, _position)
    await call.note(PLATFORM, action="node.list", chain=None)
    return call.listed(page, rows, page.shown(rows), position=_position)


async def post_heartbeat(call: Call) -> Response:
    node_id = require_own_id(call)
    body = await call.body(HeartbeatRequest)
    try:
        heartbeat.check(
            client_now=body.client_now,
            now=datetime.now(UTC),
            binary_checksum=body.binary_checksum,
            binary_version=body.binary_version,
        )
    except InvalidHeartbeat as error:
        raise Problem(400, error.code, str(error)) from error
    accepted_at = await reachability.beat_healthy(call.plane.database, node_id, body.binary_version)
    if accepted_at is None:
        accepted_at = await _beat_back_to_health(call, node_id, body.binary_version)
    return call.json({"accepted_at": accepted_at, "reconcile": False, "rotate_keys": False})


async def get_reachability(call: Call) -> Response:
    if call.caller.kind == "node":
        node_id = require_own_id(call)
        standing = await _standing(call, node_id)
    else:
        node_id = call.path_id("id", code="invalid_node_id")
        standing = await _standing(call, node_id)
        await _require_node_agent(call, node_id, standing.domain_id if standing else None)
    if standing is None:
        raise Problem(404, "node_not_found", "there is no such Node")
    answer: dict[str, object] = {"state": standing.state, "changed_at": standing.changed_at}
    if standing.last_heartbeat_at is not None:
        answer["last_heartbeat_at"] = standing.last_heartbeat_at
    return call.json(answer)


async def get_mesh_topology(call: Call) -> Response:
    domain_id = call.path_id("domain_id", code="invalid_domain_id")
    await call.require_read("domain_view", f"domain:{domain_id}", action="mesh_topology.read", chain=domain_id)
    await domains_surface.require_exists(call, domain_id)
    members = await _members(call, domain_id)
    return call.json(
        {
            "domain_id": domain_id,
            "generated_at": datetime.now(UTC),
            "nodes": [
                {"node_id": each.node_id, "mesh_ip": str(each.mesh_ip), "reachability": each.state} for each in members
            ],
            "edges": _full_mesh(members),
        }
    )


def _position(last: Node) -> list[Any]:
    return [str(last.id)]


async def _beat_back_to_health(call: Call, node_id: UUID, binary_version: str) -> datetime:
    """Record a heartbeat that changes the Node's state: first the overdue transitions, then the recovery."""
    async with call.transaction() as tx:
        standing = await reachability.lock(tx.connection, node_id)
        if standing is None:
            raise Problem(401, "nsk_invalid", "this Node is gone")
        accepted_at = await reachability.beat(tx.connection, node_id, binary_version)
        transitions = rules.by_heartbeat(standing.state, standing.due)
        await evaluation.write(tx.connection, [(standing, transitions)], functools.partial(_transition_row, call))
    call.plane.evaluator.expect(standing.stale_after)
    return accepted_at


def _transition_row(call: Call, domain_id: UUID) -> AuditRecord:
    return call.record("granted", evaluation.AUDIT_RELATION, f"domain:{domain_id.hex}", domain_id)


async def _standing(call: Call, node_id: UUID) -> Standing | None:
    """Return the Node's current standing, after writing the transitions that are due."""
    standing = await reachability.of_node(call.plane.database, node_id)
    if standing is None or standing.state == standing.due:
        return standing
    await call.plane.evaluator.settle([node_id])
    return await reachability.of_node(call.plane.database, node_id)


async def _members(call: Call, domain_id: UUID) -> list[Standing]:
    members = await reachability.of_domain(call.plane.database, domain_id)
    overdue = [each.node_id for each in members if each.state != each.due]
    if not overdue:
        return members
    await call.plane.evaluator.settle(overdue)
    return await reachability.of_domain(call.plane.database, domain_id)


def _full_mesh(members: Sequence[Standing]) -> list[dict[str, object]]:
    """Return every pair in both directions. Handshakes are not observed: an edge has the worse state of its Nodes."""
    return [
        {
            "source_node_id": source.node_id,
            "target_node_id": target.node_id,
            "mode": "direct",
            "relay_node_id": None,
            "status": rules.worse(source.state, target.state),
        }
        for source in members
        for target in members
        if source is not target
    ]


async def _require_node_agent(call: Call, node_id: UUID, chain: UUID | None) -> None:
    """Require the permission ``node_agent``; the contract defines a separate code for its denial."""
    try:
        await call.require_read("node_agent", f"node:{node_id}", action="node_reachability.read", chain=chain)
    except Problem as refusal:
        if refusal.code == "permission_denied":
            refusal.code = "insufficient_relation"
        raise


def require_own_id(call: Call) -> UUID:
    """Return the id of the calling Node, which must be the one in the path."""
    if call.request.path_params["id"].lower() != str(call.caller.id):
        members = {"reason": "insufficient_relation", "relation_path": []}
        raise Problem(403, "node_id_mismatch", "this NSK belongs to another Node", members=members)
    return call.caller.id


OPERATIONS: Final = (
    Operation(
        method="POST",
        path="/v1/nodes/{id}/heartbeat",
        handler=post_heartbeat,
        surface="heartbeat",
        access="node",
        body_error="malformed_heartbeat_request",
    ),
    Operation(
        method="GET",
        path="/v1/nodes/{id}/reachability",
        handler=get_reachability,
        surface="reachability",
        access="operator_or_node",
    ),
    Operation(
        method="GET",
        path="/v1/domains/{domain_id}/mesh/topology",
        handler=get_mesh_topology,
        surface="mesh_topology",
    ),
    Operation(method="GET", path="/v1/nodes", handler=list_nodes, surface="nodes"),
)
