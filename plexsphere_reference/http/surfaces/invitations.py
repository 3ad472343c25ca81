"""``/v1/domains/{id}/invitations``: stage the relations of a person before they have signed in.

There is no operation that accepts an invitation: the person's next sign-in to the Domain does
(:mod:`plexsphere_reference.http.invitation_acceptance`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec
from starlette.responses import Response

from plexsphere_reference.authz.connect import installed_schema
from plexsphere_reference.authz.model import AuthzRejected, Relationship
from plexsphere_reference.http.context import Call, no_content
from plexsphere_reference.http.operation import TENANCY_CAP, Operation
from plexsphere_reference.http.problems import Problem
from plexsphere_reference.http.surfaces import domains as domains_surface
from plexsphere_reference.http.unit_of_work import Unit
from plexsphere_reference.ids import uuid7
from plexsphere_reference.rules import invitations as rules
from plexsphere_reference.rules.audit import pseudonym
from plexsphere_reference.rules.invitations import InitialTuple
from plexsphere_reference.rules.tenancy import Invalid
from plexsphere_reference.store import invitations
from plexsphere_reference.store.invitations import Invitation


class CreateRequest(msgspec.Struct, forbid_unknown_fields=True):
    external_subject: str
    ttl_seconds: int = rules.DEFAULT_TTL_S
    initial_tuples: list[InitialTuple] = []


_REFUSALS: Final[dict[type[Invalid], tuple[int, str]]] = {
    rules.InvalidTtl: (400, "invalid_ttl"),
    rules.TooManyTuples: (422, "too_many_initial_tuples"),
    rules.ObjectOutOfScope: (422, "invitation_object_out_of_scope"),
    rules.InvalidCaveatContext: (422, "invalid_caveat_context"),
}
_CONFLICTS: Final = {"invitations_domain_fk": domains_surface.not_found()}


async def create_invitation(call: Call) -> Response:
    domain_id = _domain_id(call)
    body = await call.body(CreateRequest)
    await call.require("manage", f"domain:{domain_id}", action="invitation.create", chain=domain_id)
    await domains_surface.require_exists(call, domain_id)
    await _check(call, domain_id, body)
    invitation_id, lifetime = uuid7(), timedelta(seconds=body.ttl_seconds)
    async with call.transaction(_CONFLICTS) as tx:
        await _expire(tx, domain_id)
        invitation = await invitations.insert_or_get_pending(
            tx.connection, invitation_id, domain_id, body.external_subject, body.initial_tuples, lifetime=lifetime
        )
        if invitation.id != invitation_id:
            detail = (
                f"a pending invitation already exists for this (domain, external_subject); existing id {invitation.id}"
            )
            raise Problem(409, "invitation_already_pending", detail)
        await tx.event("InvitationCreated", "invitation", invitation_id, domain_id=domain_id)
    return call.created(_response(call, invitation), f"/v1/domains/{domain_id}/invitations/{invitation_id}")


async def list_invitations(call: Call) -> Response:
    domain_id = _domain_id(call)
    status = call.query("status") or "all"
    if status not in ("all", *rules.STATUSES):
        raise Problem(400, "invalid_status", f"status must be all or one of {', '.join(rules.STATUSES)}")
    page = call.page(f"invitations:{domain_id}:{status}")
    await _require_read(call, domain_id, action="invitation.list")
    before = (datetime.fromisoformat(page.after[0]), UUID(page.after[1])) if page.after else None
    wanted = None if status == "all" else status
    rows = await invitations.list_page(call.plane.database, domain_id, wanted, before, page.most)
    items = [_response(call, each) for each in page.shown(rows)]
    return call.listed(page, rows, items, position=lambda last: [last.created_at.isoformat(), str(last.id)])


async def get_invitation(call: Call) -> Response:
    domain_id, invitation_id = _domain_id(call), _invitation_id(call)
    await _require_read(call, domain_id, action="invitation.read")
    invitation = await invitations.get(call.plane.database, domain_id, invitation_id)
    if invitation is None:
        raise _not_found()
    return call.json(_response(call, invitation))


async def revoke_invitation(call: Call) -> Response:
    domain_id, invitation_id = _domain_id(call), _invitation_id(call)
    await call.require("manage", f"domain:{domain_id}", action="invitation.revoke", chain=domain_id)
    await domains_surface.require_exists(call, domain_id)
    async with call.transaction() as tx:
        await _expire(tx, domain_id)
        invitation = await invitations.lock(tx.connection, domain_id, invitation_id)
        if invitation is None:
            raise _not_found()
        if invitation.status in ("accepted", "expired"):
            detail = f"invitation {invitation_id} has already been {invitation.status}"
            raise Problem(409, f"invitation_already_{invitation.status}", detail)
        if invitation.status == "pending":
            await invitations.revoke(tx.connection, invitation_id)
            await tx.event("InvitationRevoked", "invitation", invitation_id, domain_id=domain_id)
    return no_content()


async def _require_read(call: Call, domain_id: UUID, *, action: str) -> None:
    await call.require_read("read", f"domain:{domain_id}", action=action, chain=domain_id)
    await domains_surface.require_exists(call, domain_id)
    async with call.transaction() as tx:
        await _expire(tx, domain_id)


async def _expire(tx: Unit, domain_id: UUID) -> None:
    """Expire invitations whenever they are used: no one can tell the difference to a periodic sweeper."""
    for invitation_id in await invitations.expire(tx.connection, domain_id):
        await tx.event("InvitationExpired", "invitation", invitation_id, domain_id=domain_id)


async def _check(call: Call, domain_id: UUID, body: CreateRequest) -> None:
    try:
        rules.check_subject(body.external_subject)
        rules.check_ttl(body.ttl_seconds)
        scoped = rules.scoped_objects(body.initial_tuples, domain_id=domain_id)
        known = await invitations.of_domain(
            call.plane.database, domain_id, projects=scoped["project"], groups=scoped["group"]
        )
        _require_scope(body.initial_tuples, {f"{kind}:{id_}" for kind in scoped for id_ in scoped[kind] - known[kind]})
    except Invalid as error:
        status, code = _REFUSALS.get(type(error), (400, "invalid_body"))
        raise Problem(status, code, str(error)) from error
    _require_in_schema(body.initial_tuples)


def _require_scope(tuples: Sequence[InitialTuple], foreign: set[str]) -> None:
    for place, each in enumerate(tuples):
        if each.object in foreign:
            raise rules.out_of_scope(place)


def _require_in_schema(tuples: Sequence[InitialTuple]) -> None:
    """Refuse now what could not be written at the acceptance, which would fail the person's sign-in."""
    for place, each in enumerate(tuples):
        try:
            installed_schema().require_writable(Relationship(each.object, each.relation, f"user:{UUID(int=0)}"))
        except AuthzRejected as error:
            raise Problem(400, "invalid_body", f"initial_tuples[{place}].relation: {error}") from error


def _domain_id(call: Call) -> UUID:
    return call.path_id("id", code="invalid_domain_id")


def _invitation_id(call: Call) -> UUID:
    return call.path_id("invitation_id", code="invalid_invitation_id")


def _not_found() -> Problem:
    return Problem(404, "invitation_not_found", "the Domain has no such invitation")


def _response(call: Call, invitation: Invitation) -> dict[str, object]:
    key = call.plane.settings.pseudonym_key
    assert key is not None, "the surface invitations needs the pseudonym key"
    response: dict[str, object] = {
        "id": invitation.id,
        "domain_id": invitation.domain_id,
        "external_subject_pseudonym": pseudonym(key, invitation.domain_id, invitation.external_subject),
        "status": invitation.status,
        "expires_at": invitation.expires_at,
        "created_at": invitation.created_at,
        "initial_tuples": invitation.initial_tuples,
    }
    for name in ("accepted_at", "accepted_user_id", "revoked_at", "expired_at"):
        if (value := getattr(invitation, name)) is not None:
            response[name] = value
    return response


_COLLECTION: Final = "/v1/domains/{id}/invitations"
_ONE: Final = f"{_COLLECTION}/{{invitation_id}}"
OPERATIONS: Final = (
    Operation(method="POST", path=_COLLECTION, handler=create_invitation, surface="invitations", body_cap=TENANCY_CAP),
    Operation(method="GET", path=_COLLECTION, handler=list_invitations, surface="invitations"),
    Operation(method="GET", path=_ONE, handler=get_invitation, surface="invitations"),
    Operation(method="DELETE", path=_ONE, handler=revoke_invitation, surface="invitations"),
)
