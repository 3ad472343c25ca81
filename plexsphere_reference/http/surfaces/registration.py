"""``POST /v1/register``: register a Node with a bootstrap token. A rejected request does not change the token."""

from __future__ import annotations

import base64
import secrets
from typing import Final
from uuid import UUID

import msgspec
import psycopg
from starlette.responses import Response

from plexsphere_reference import password_hash
from plexsphere_reference.authz.model import Relationship
from plexsphere_reference.http.context import Call
from plexsphere_reference.http.operation import Operation
from plexsphere_reference.http.problems import Problem
from plexsphere_reference.http.surfaces import projects as projects_surface
from plexsphere_reference.http.surfaces import resources as resources_surface
from plexsphere_reference.http.unit_of_work import Unit
from plexsphere_reference.ids import uuid7
from plexsphere_reference.rules import mesh_addresses, registration
from plexsphere_reference.rules.audit import Reason
from plexsphere_reference.rules.bootstrap_tokens import Malformed, Plaintext, Refusal
from plexsphere_reference.rules.mesh_addresses import Address
from plexsphere_reference.rules.registration import InvalidPublicKey, Registration
from plexsphere_reference.rules.tenancy import Invalid
from plexsphere_reference.signer.client import PublicKey, SignerUnavailable, SigningRefused
from plexsphere_reference.store import audit, bootstrap_tokens, nodes
from plexsphere_reference.store.bootstrap_tokens import Candidate
from plexsphere_reference.store.database import Connection
from plexsphere_reference.store.nodes import NewNode, Peer, Site

_NSK_BYTES: Final = 32
_KIND: Final = "node"
_WAIT_FOR_ALLOCATOR: Final = "SET LOCAL lock_timeout = '1500ms'"
_REFUSED: Final[dict[Refusal, str]] = {
    "token_consumed": "a Node has registered with this token",
    "token_revoked": "this token has been revoked",
    "token_expired": "this token has expired",
}
_CONFLICTS: Final = {
    "nodes_domain_public_key_uq": Problem(422, "invariant_violation", "another Node of the Domain has this public_key"),
    "bootstrap_tokens_nonce_uq": Problem(403, "nonce_collision", "this nonce has been used in this Project before"),
}


class RegisterRequest(msgspec.Struct, forbid_unknown_fields=True):
    """A registration. An absent member is treated as empty, so that its rule rejects it and not the decoder."""

    project_id: str = ""
    resource_handle: str = ""
    bootstrap_token: str = ""
    nonce: str = ""
    public_key: str = ""
    requested_resource_id: str = ""


async def register(call: Call) -> Response:
    wanted = _parsed(await call.body(RegisterRequest))
    candidate = await _proven(call, wanted)
    try:
        _require_live(candidate.token.refusal)
        signing_key = await _signing_key(call, candidate.domain_id)
        nsk = secrets.token_bytes(_NSK_BYTES)
        node, site, peers = await _enrol(call, wanted, candidate, nsk)
    except Problem as refusal:
        await _audit_refusal(call, candidate, refusal)
        raise
    answer = {
        "node_id": node.id,
        "mesh_ip": str(node.mesh_ip),
        "signing_public_key": _base64(signing_key.raw),
        "signing_key_id": signing_key.key_id,
        "nsk": _base64(nsk),
        "peer_snapshot": [_peer(each) for each in peers],
        "domain_mesh_cidr": str(site.mesh_cidr),
    }
    return call.json(answer, status=201)


def _parsed(body: RegisterRequest) -> Registration:
    try:
        return registration.parse(
            project_id=body.project_id,
            handle=body.resource_handle,
            requested_resource_id=body.requested_resource_id,
            bootstrap_token=body.bootstrap_token,
            nonce=body.nonce,
            public_key=body.public_key,
        )
    except InvalidPublicKey as error:
        raise Problem(400, "public_key_invalid", str(error)) from error
    except Invalid as error:
        raise Problem(422, "invariant_violation", str(error)) from error


async def _audit_refusal(call: Call, candidate: Candidate, refusal: Problem) -> None:
    """Audit a rejected registration in the chain of the token's Domain.

    Registrations with an invalid token are not audited, because unauthenticated clients could fill a chain with them.
    """
    reason: Reason = "caveat_violation" if refusal.code in _REFUSED else "granted"
    record = call.record(reason, "node.register", f"project:{candidate.token.project_id}", candidate.domain_id)
    context = {"refused": [refusal.code]}
    await call.plane.audit.append(msgspec.structs.replace(record, caveat_context=context))


async def _proven(call: Call, wanted: Registration) -> Candidate:
    """Verify the token and return its row, before the transaction that redeems it."""
    try:
        plaintext = Plaintext.parse(wanted.bootstrap_token)
    except Malformed as error:
        raise _token_invalid() from error
    if plaintext.kind != _KIND:
        raise Problem(403, "kind_mismatch", f"a {plaintext.kind} token does not register a Node")
    if plaintext.project_id != wanted.project_id:
        raise Problem(403, "project_mismatch", "this token is for another Project")
    candidate = await bootstrap_tokens.candidate(call.plane.database, plaintext.lookup)
    if candidate is None or not await password_hash.matches(wanted.bootstrap_token, candidate.argon2_hash):
        raise _token_invalid()
    return candidate


async def _signing_key(call: Call, domain_id: UUID) -> PublicKey:
    assert call.plane.signer is not None, "the surface needs the signer"
    try:
        return await call.plane.signer.public_key(f"domain:{domain_id}")
    except (SignerUnavailable, SigningRefused) as error:
        raise Problem(503, "signing_unavailable", "the signer did not return the Domain's public key") from error


async def _enrol(
    call: Call, wanted: Registration, candidate: Candidate, nsk: bytes
) -> tuple[NewNode, Site, list[Peer]]:
    """Redeem the token, create the Node and bind it to its Resource, atomically."""
    try:
        return await _enrol_in_transaction(call, wanted, candidate, nsk)
    except psycopg.errors.LockNotAvailable as error:
        detail = "too many Nodes register in this Domain at once; try again"
        raise Problem(503, "allocator_contention", detail, headers={"Retry-After": "1"}) from error


async def _enrol_in_transaction(
    call: Call, wanted: Registration, candidate: Candidate, nsk: bytes
) -> tuple[NewNode, Site, list[Peer]]:
    async with call.transaction(_CONFLICTS) as tx:
        await tx.connection.execute(_WAIT_FOR_ALLOCATOR)
        site = await nodes.lock_site(tx.connection, wanted.project_id)
        if site is None:
            raise projects_surface.not_found()
        node_id = uuid7()
        await _spend(tx.connection, wanted, candidate, node_id)
        node = NewNode(
            id=node_id,
            domain_id=site.domain_id,
            project_id=wanted.project_id,
            resource_id=await _free_resource(tx.connection, wanted),
            mesh_ip=await _free_address(tx.connection, site),
            public_key=wanted.public_key,
            nsk=nsk,
        )
        peers = await nodes.peers(tx.connection, site.domain_id)
        await nodes.insert(tx.connection, node)
        await _announce(call, tx, node)
    return node, site, peers


async def _spend(connection: Connection, wanted: Registration, candidate: Candidate, node_id: UUID) -> None:
    # Check again: the token may have been redeemed or revoked since.
    token = await bootstrap_tokens.lock(connection, wanted.project_id, candidate.token.id)
    if token is None:
        raise _token_invalid()
    _require_live(token.refusal)
    await bootstrap_tokens.consume(connection, token.id, nonce=wanted.nonce, node_id=node_id)


async def _free_resource(connection: Connection, wanted: Registration) -> UUID:
    found = await nodes.resource_by_handle(connection, wanted.project_id, wanted.handle)
    if found is None:
        raise resources_surface.not_found()
    resource_id, registered = found
    if registered:
        raise Problem(409, "resource_already_registered", "a Node has registered on this Resource before")
    return resource_id


async def _free_address(connection: Connection, site: Site) -> Address:
    if site.sub_range_cidr is not None:
        spans = mesh_addresses.sub_range_spans(site.mesh_cidr, site.sub_range_cidr)
        exhausted = Problem(503, "subrange_exhausted", f"no address is left in the sub-range {site.sub_range_cidr}")
    else:
        kept = await nodes.sub_ranges(connection, site.domain_id)
        spans = mesh_addresses.flat_spans(site.mesh_cidr, kept)
        exhausted = Problem(503, "pool_exhausted", f"no address is left in the Domain's pool {site.mesh_cidr}")
    highest = await nodes.highest_addresses(connection, site.domain_id, spans)
    address = mesh_addresses.next_free(spans, highest) or await nodes.first_gap(connection, site.domain_id, spans)
    if address is None:
        raise exhausted
    return address


async def _announce(call: Call, tx: Unit, node: NewNode) -> None:
    await tx.event("NodeRegistered", "node", node.id, domain_id=node.domain_id, project_id=node.project_id)
    await tx.relate(
        Relationship(f"node:{node.id}", "parent", f"domain:{node.domain_id}"),
        Relationship(f"node:{node.id}", "parent", f"project:{node.project_id}"),
    )
    await audit.append(tx.connection, [call.record("granted", "node.register", f"node:{node.id}", node.domain_id)])


def _require_live(refusal: Refusal | None) -> None:
    if refusal is not None:
        raise Problem(403, refusal, _REFUSED[refusal])


def _token_invalid() -> Problem:
    return Problem(422, "bootstrap_token_invalid", "bootstrap_token is not one that was issued here")


def _peer(peer: Peer) -> dict[str, object]:
    response: dict[str, object] = {
        "node_id": peer.node_id,
        "mesh_ip": str(peer.mesh_ip),
        "public_key": peer.public_key,
    }
    if peer.fallback_endpoint is not None:
        response["fallback_endpoint"] = peer.fallback_endpoint
    return response


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


OPERATIONS: Final = (
    Operation(method="POST", path="/v1/register", handler=register, surface="register", access="public"),
)
