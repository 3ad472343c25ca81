"""``/v1/domains``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType
from starlette.responses import Response

from plexsphere_reference.authz.model import Relationship
from plexsphere_reference.http.context import Call, no_content
from plexsphere_reference.http.operation import TENANCY_CAP, Operation
from plexsphere_reference.http.problems import Problem
from plexsphere_reference.http.visibility import visible_rows
from plexsphere_reference.ids import uuid7
from plexsphere_reference.rules import tenancy
from plexsphere_reference.rules.tenancy import (
    PLATFORM,
    Invalid,
    InvalidReachabilityPolicy,
    Network,
    ReachabilityPolicy,
)
from plexsphere_reference.store import audit, domains
from plexsphere_reference.store.database import Connection
from plexsphere_reference.store.domains import Change, Domain


class Policy(msgspec.Struct, forbid_unknown_fields=True):
    heartbeat_interval: str = ""
    stale_after: str = ""
    unreachable_after: str = ""


class CreateRequest(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    slug: str
    mesh_cidr: str
    description: str = ""
    region: str | None = None
    reachability: Policy | None = None


class PatchRequest(msgspec.Struct, forbid_unknown_fields=True):
    name: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    region: str | UnsetType = UNSET
    mesh_cidr: str | UnsetType = UNSET
    reachability: Policy | UnsetType = UNSET
    slug: msgspec.Raw | UnsetType = UNSET


_CONFLICTS: Final = {
    "domains_slug_uq": Problem(409, "domain_slug_conflict", "another Domain has this slug"),
    "domains_mesh_cidr_excl": Problem(409, "mesh_cidr_overlap", "mesh_cidr overlaps the one of another Domain"),
}


async def create_domain(call: Call) -> Response:
    body = await call.body(CreateRequest)
    await call.require("create_domain", PLATFORM, action="domain.create", chain=None)
    slug, values = _valid(body)
    domain_id = uuid7()
    async with call.transaction(_CONFLICTS) as tx:
        domain = await domains.insert(tx.connection, domain_id, slug, values)
        await tx.event("DomainCreated", "domain", domain_id, domain_id=domain_id, slug=slug)
        await tx.relate(
            Relationship(f"domain:{domain_id}", "admin", call.caller.ref),
            Relationship(f"domain:{domain_id}", "auditor", call.caller.ref),
        )
    return call.created(_response(domain), f"/v1/domains/{domain_id}")


async def list_domains(call: Call) -> Response:
    page = call.page("domains")

    async def read(after: list[Any] | None, most: int, among: Sequence[UUID] | None = None) -> list[Domain]:
        return await domains.list_page(call.plane.database, after[0] if after else "", most, among)

    rows = await visible_rows(call, page, "domain", read, _position)
    await call.note(PLATFORM, action="domain.list", chain=None)
    # Only lists of Domains and Projects report that all rows are hidden (contract).
    hidden = {} if rows or not await read(page.after, 1) else {"empty_reason": "no_rebac_membership"}
    items = [_response(each) for each in page.shown(rows)]
    return call.listed(page, rows, items, position=_position, **hidden)


async def get_domain(call: Call) -> Response:
    domain_id = call.path_id("id", code="invalid_domain_id")
    await call.require_read("read", f"domain:{domain_id}", action="domain.read", chain=domain_id)
    domain = await call.plane.domains.get(domain_id)
    if domain is None:
        raise not_found()
    return call.json(_response(domain))


async def patch_domain(call: Call) -> Response:
    domain_id = call.path_id("id", code="invalid_domain_id")
    patch = await call.body(PatchRequest)
    if patch.slug is not UNSET:
        raise Problem(400, "slug_immutable", "a Domain's slug cannot be changed")
    if all(value is UNSET for value in msgspec.structs.astuple(patch)):
        raise Problem(400, "empty_patch", "the patch changes nothing")
    await call.require("manage", f"domain:{domain_id}", action="domain.update", chain=domain_id)
    async with call.transaction(_CONFLICTS) as tx:
        current = await domains.lock(tx.connection, domain_id)
        if current is None:
            raise not_found()
        change = _patched(current, patch)
        if change.mesh_cidr != current.mesh_cidr:
            await _require_contained(tx.connection, domain_id, change.mesh_cidr)
        domain = await domains.update(tx.connection, domain_id, change)
        await tx.event("DomainUpdated", "domain", domain_id, domain_id=domain_id)
    if change.reachability != current.reachability:
        call.plane.evaluator.expect()
    return call.json(_response(domain))


async def delete_domain(call: Call) -> Response:
    domain_id = call.path_id("id", code="invalid_domain_id")
    await call.require("manage", f"domain:{domain_id}", action="domain.delete", chain=domain_id)
    async with call.transaction() as tx:
        if await domains.lock(tx.connection, domain_id) is None:
            raise not_found()
        counts = await domains.child_counts(tx.connection, domain_id)
        if counts != domains.ChildCounts(0, 0, 0, 0, 0):
            raise Problem(
                409, "domain_not_empty", "delete what the Domain holds first", members={"child_counts": counts}
            )
        await domains.delete(tx.connection, domain_id)
        await tx.event("DomainDeleted", "domain", domain_id, domain_id=domain_id)
        # The Domain's chain is closed, so the row of this deletion goes to the platform's chain.
        await audit.close_chain(tx.connection, domain_id)
    return no_content()


def _position(last: Domain) -> list[Any]:
    return [last.slug]


async def require_exists(call: Call, domain_id: UUID) -> None:
    """Raise 404 if the Domain was deleted. Its readers keep their permission, so the check does not notice."""
    if await call.plane.domains.get(domain_id) is None:
        raise not_found()


def not_found() -> Problem:
    return Problem(404, "domain_not_found", "there is no such Domain")


def _valid(body: CreateRequest) -> tuple[str, Change]:
    try:
        policy = body.reachability or Policy()
        values = Change(
            name=tenancy.check_name(body.name),
            description=tenancy.check_description(body.description),
            region=tenancy.check_slug(body.region, what="region") if body.region is not None else None,
            mesh_cidr=tenancy.parse_cidr(body.mesh_cidr),
            reachability=_policy(policy),
        )
        return tenancy.check_slug(body.slug), values
    except Invalid as error:
        raise _invalid(error) from error


def _patched(current: Domain, patch: PatchRequest) -> Change:
    try:
        return Change(
            name=current.name if patch.name is UNSET else tenancy.check_name(patch.name),
            description=current.description
            if patch.description is UNSET
            else tenancy.check_description(patch.description),
            region=current.region if patch.region is UNSET else tenancy.check_slug(patch.region, what="region"),
            mesh_cidr=current.mesh_cidr if patch.mesh_cidr is UNSET else tenancy.parse_cidr(patch.mesh_cidr),
            reachability=current.reachability if patch.reachability is UNSET else _policy(patch.reachability),
        )
    except Invalid as error:
        raise _invalid(error) from error


async def _require_contained(connection: Connection, domain_id: UUID, mesh_cidr: Network) -> None:
    outside = await domains.find_outside(connection, domain_id, mesh_cidr)
    if outside is not None:
        raise Problem(
            422,
            "mesh_cidr_invalidates_subrange",
            f"{outside.network} of project {outside.project_id} would lie outside",
        )


def _policy(policy: Policy) -> ReachabilityPolicy:
    return ReachabilityPolicy.parse(policy.heartbeat_interval, policy.stale_after, policy.unreachable_after)


def _invalid(error: Invalid) -> Problem:
    policy = isinstance(error, InvalidReachabilityPolicy)
    return Problem(400, "invalid_reachability_policy" if policy else "invalid_domain", str(error))


def _response(domain: Domain) -> dict[str, object]:
    policy = domain.reachability
    response: dict[str, object] = {
        "id": domain.id,
        "name": domain.name,
        "slug": domain.slug,
        "description": domain.description,
        "mesh_cidr": str(domain.mesh_cidr),
        "reachability": {
            "heartbeat_interval": tenancy.format_duration(policy.heartbeat_interval),
            "stale_after": tenancy.format_duration(policy.stale_after),
            "unreachable_after": tenancy.format_duration(policy.unreachable_after),
        },
        "created_at": domain.created_at,
        "updated_at": domain.updated_at,
    }
    if domain.region is not None:
        response["region"] = domain.region
    return response


OPERATIONS: Final = (
    Operation(method="GET", path="/v1/domains/{id}", handler=get_domain, surface="domains"),
    Operation(method="PATCH", path="/v1/domains/{id}", handler=patch_domain, surface="domains", body_cap=TENANCY_CAP),
    Operation(method="DELETE", path="/v1/domains/{id}", handler=delete_domain, surface="domains"),
    Operation(method="GET", path="/v1/domains", handler=list_domains, surface="domains"),
    Operation(method="POST", path="/v1/domains", handler=create_domain, surface="domains", body_cap=TENANCY_CAP),
)
