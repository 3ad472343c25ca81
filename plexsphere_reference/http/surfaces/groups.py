"""``/v1/admin/groups``: create, get, list."""

from __future__ import annotations

import re
from typing import Final, Literal
from uuid import UUID

import msgspec
from starlette.responses import Response

from plexsphere_reference.authz.model import Relationship
from plexsphere_reference.http.context import Call
from plexsphere_reference.http.operation import Operation
from plexsphere_reference.http.problems import Problem
from plexsphere_reference.ids import uuid7
from plexsphere_reference.store import groups
from plexsphere_reference.store.groups import Group, Values

_SLUG: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?")
_LONGEST_DISPLAY_NAME: Final = 128
_LONGEST_CLAIM_VALUE: Final = 4096


class CreateRequest(msgspec.Struct, forbid_unknown_fields=True):
    domain_id: UUID
    slug: str
    display_name: str
    source: Literal["manual", "idp"]
    idp_binding_id: UUID | None = None
    idp_claim_value: str | None = None


_CONFLICTS: Final = {
    "groups_domain_slug_uq": Problem(409, "group_slug_conflict", "another Group of the Domain has this slug"),
    "groups_domain_fk": Problem(409, "parent_domain_missing", "the Domain does not exist"),
    "groups_domain_binding_fk": Problem(400, "invalid_group", "idp_binding_id is not a binding of the Domain"),
}


async def create_group(call: Call) -> Response:
    body = await call.body(CreateRequest)
    domain_id = body.domain_id
    await call.require("manage", f"domain:{domain_id}", action="group.create", chain=domain_id)
    values = _valid(body)
    group_id = uuid7()
    async with call.transaction(_CONFLICTS) as tx:
        group = await groups.insert(tx.connection, group_id, domain_id, values)
        await tx.event("GroupCreated", "group", group_id, domain_id=domain_id, slug=values.slug)
        await tx.relate(Relationship(f"group:{group_id}", "parent", f"domain:{domain_id}"))
    return call.created(_response(group), f"/v1/admin/groups/{group_id}")


async def list_groups(call: Call) -> Response:
    domain_id = call.query_id("domain_id", code="invalid_domain_id")
    if domain_id is None:
        raise Problem(400, "invalid_domain_id", "domain_id is required: slugs of Groups are per Domain")
    page = call.page(f"groups:{domain_id}")
    await call.require_read("read", f"domain:{domain_id}", action="group.list", chain=domain_id)
    after = page.after[0] if page.after else ""
    rows = await groups.list_page(call.plane.database, domain_id, after, page.most)
    items = [_response(each) for each in page.shown(rows)]
    return call.listed(page, rows, items, position=lambda last: [last.slug])


async def get_group(call: Call) -> Response:
    group_id = call.path_id("id", code="invalid_group_id")
    chain = await groups.domain_of(call.plane.database, group_id)
    await call.require_read("read", f"group:{group_id}", action="group.read", chain=chain)
    group = await groups.get(call.plane.database, group_id)
    if group is None:
        raise Problem(404, "group_not_found", "there is no such Group")
    return call.json(_response(group))


def _valid(body: CreateRequest) -> Values:
    display_name = body.display_name.strip()
    claim_value = body.idp_claim_value or ""
    if not _SLUG.fullmatch(body.slug):
        raise _invalid("slug must be 1 to 64 lowercase letters, digits and dashes, no dash at either end")
    if not 1 <= len(display_name) <= _LONGEST_DISPLAY_NAME:
        raise _invalid(f"display_name must have 1 to {_LONGEST_DISPLAY_NAME} characters and not be blank")
    if body.source == "manual" and (body.idp_binding_id is not None or body.idp_claim_value is not None):
        raise _invalid("source manual takes neither idp_binding_id nor idp_claim_value")
    if body.source == "idp" and (body.idp_binding_id is None or not 1 <= len(claim_value) <= _LONGEST_CLAIM_VALUE):
        raise _invalid("source idp needs both idp_binding_id and idp_claim_value")
    return Values(
        slug=body.slug,
        display_name=display_name,
        source=body.source,
        idp_binding_id=body.idp_binding_id,
        idp_claim_value=body.idp_claim_value,
    )


def _invalid(detail: str) -> Problem:
    return Problem(400, "invalid_group", detail)


def _response(group: Group) -> dict[str, object]:
    response: dict[str, object] = {
        "id": group.id,
        "domain_id": group.domain_id,
        "slug": group.slug,
        "display_name": group.display_name,
        "source": group.source,
        "created_at": group.created_at,
        "updated_at": group.updated_at,
    }
    if group.idp_binding_id is not None:
        response |= {"idp_binding_id": group.idp_binding_id, "idp_claim_value": group.idp_claim_value}
    return response


OPERATIONS: Final = (
    Operation(method="GET", path="/v1/admin/groups", handler=list_groups, surface="groups"),
    Operation(method="POST", path="/v1/admin/groups", handler=create_group, surface="groups"),
    Operation(method="GET", path="/v1/admin/groups/{id}", handler=get_group, surface="groups"),
)
