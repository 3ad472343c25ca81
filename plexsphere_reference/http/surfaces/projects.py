"""``/v1/projects``."""

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
from plexsphere_reference.rules.tenancy import PLATFORM, Invalid, Network
from plexsphere_reference.store import domains, projects
from plexsphere_reference.store.database import Connection
from plexsphere_reference.store.domains import Domain
from plexsphere_reference.store.projects import Change, ChildCounts, Project

_NIL: Final = UUID(int=0)


class CreateRequest(msgspec.Struct, forbid_unknown_fields=True):
    domain_id: UUID
    name: str
    slug: str
    description: str = ""
    sub_range_cidr: str | None = None


class PatchRequest(msgspec.Struct, forbid_unknown_fields=True):
    name: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    sub_range_cidr: str | UnsetType = UNSET
    release_sub_range: bool | UnsetType = UNSET
    slug: msgspec.Raw | UnsetType = UNSET


_PARENT_MISSING: Final = Problem(409, "parent_domain_missing", "the Domain does not exist")
_CONFLICTS: Final = {
    "projects_domain_slug_uq": Problem(409, "project_slug_conflict", "another Project of the Domain has this slug"),
    "projects_domain_fk": _PARENT_MISSING,
}


async def create_project(call: Call) -> Response:
    body = await call.body(CreateRequest)
    domain_id = body.domain_id
    await call.require("manage", f"domain:{domain_id}", action="project.create", chain=domain_id)
    slug, values = _valid(body)
    project_id = uuid7()
    async with call.transaction(_CONFLICTS) as tx:
        domain = await domains.lock(tx.connection, domain_id)
        if domain is None:
            raise _PARENT_MISSING.again()
        await _require_free(tx.connection, domain, project_id, values.sub_range, reads_domain=True)
        project = await projects.insert(tx.connection, project_id, domain_id, slug, values)
        await tx.event("ProjectCreated", "project", project_id, domain_id=domain_id, slug=slug)
        await tx.relate(Relationship(f"project:{project_id}", "parent", f"domain:{domain_id}"))
    return call.created(_response(project), f"/v1/projects/{project_id}")


async def list_projects(call: Call) -> Response:
    domain_id = call.query_id("domain_id", code="invalid_domain_filter")
    page = call.page(f"projects:{domain_id}")

    async def read(after: list[Any] | None, most: int, among: Sequence[UUID] | None = None) -> list[Project]:
        behind = (after[0], UUID(after[1])) if after else ("", _NIL)
        return await projects.list_page(call.plane.database, domain_id, behind, most, among)

    rows = await visible_rows(call, page, "project", read, _position)
    await call.note(PLATFORM, action="project.list", chain=None)
    # Only lists of Domains and Projects report that all rows are hidden (contract).
    hidden = {} if rows or not await read(page.after, 1) else {"empty_reason": "no_rebac_membership"}
    items = [_response(each) for each in page.shown(rows)]
    return call.listed(page, rows, items, position=_position, **hidden)


async def get_project(call: Call) -> Response:
    project_id = call.path_id("id", code="invalid_project_id")
    chain = await projects.domain_of(call.plane.database, project_id)
    await call.require_read("read", f"project:{project_id}", action="project.read", chain=chain)
    project = await projects.get(call.plane.database, project_id)
    if project is None:
        raise not_found()
    return call.json(_response(project))


async def patch_project(call: Call) -> Response:
    project_id = call.path_id("id", code="invalid_project_id")
    patch = await call.body(PatchRequest)
    _require_change(patch)
    domain_id = await projects.domain_of(call.plane.database, project_id)
    await call.require("manage", f"project:{project_id}", action="project.update", chain=domain_id)
    async with call.transaction() as tx:
        domain = await domains.lock(tx.connection, domain_id) if domain_id else None
        current = await projects.lock(tx.connection, project_id)
        if domain is None or current is None:
            raise not_found()
        change = _patched(current, patch)
        if change.sub_range != current.sub_range:
            await _require_free(tx.connection, domain, project_id, change.sub_range, reads_domain=False)
            await _require_nodes_inside(tx.connection, project_id, change.sub_range)
        project = await projects.update(tx.connection, project_id, change)
        await tx.event("ProjectUpdated", "project", project_id, domain_id=domain_id)
    return call.json(_response(project))


async def delete_project(call: Call) -> Response:
    project_id = call.path_id("id", code="invalid_project_id")
    domain_id = await projects.domain_of(call.plane.database, project_id)
    await call.require("manage", f"project:{project_id}", action="project.delete", chain=domain_id)
    async with call.transaction() as tx:
        if await projects.lock(tx.connection, project_id) is None:
            raise not_found()
        counts = await projects.child_counts(tx.connection, project_id)
        if counts != ChildCounts(0, 0, 0):
            members = {"project_child_counts": counts}
            raise Problem(409, "project_not_empty", "delete what the Project holds first", members=members)
        await projects.delete(tx.connection, project_id)
        await tx.event("ProjectDeleted", "project", project_id, domain_id=domain_id)
    return no_content()


def _position(last: Project) -> list[Any]:
    return [last.slug, str(last.id)]


def not_found() -> Problem:
    return Problem(404, "project_not_found", "there is no such Project")


def _valid(body: CreateRequest) -> tuple[str, Change]:
    try:
        values = Change(
            name=tenancy.check_name(body.name),
            description=tenancy.check_description(body.description),
            sub_range=None if body.sub_range_cidr is None else _parse_sub_range(body.sub_range_cidr),
        )
        return tenancy.check_slug(body.slug), values
    except Invalid as error:
        raise _invalid(str(error)) from error


def _require_change(patch: PatchRequest) -> None:
    if patch.slug is not UNSET:
        raise Problem(400, "slug_immutable", "a Project's slug cannot be changed")
    release = patch.release_sub_range is True
    if not release and all(value is UNSET for value in (patch.name, patch.description, patch.sub_range_cidr)):
        raise Problem(400, "empty_patch", "the patch changes nothing")
    if release and patch.sub_range_cidr is not UNSET:
        raise Problem(
            422, "sub_range_invalidates_allocation", "release_sub_range and sub_range_cidr contradict each other"
        )


def _patched(current: Project, patch: PatchRequest) -> Change:
    try:
        sub_range = current.sub_range if patch.sub_range_cidr is UNSET else _parse_sub_range(patch.sub_range_cidr)
        return Change(
            name=current.name if patch.name is UNSET else tenancy.check_name(patch.name),
            description=current.description
            if patch.description is UNSET
            else tenancy.check_description(patch.description),
            sub_range=None if patch.release_sub_range is True else sub_range,
        )
    except Invalid as error:
        raise _invalid(str(error)) from error


async def _require_free(
    connection: Connection, domain: Domain, project_id: UUID, sub_range: Network | None, *, reads_domain: bool
) -> None:
    """Check that the range is in the Domain's pool and overlaps no sibling's. Locks the Domain's row.

    Args:
        reads_domain: Whether the caller may read the Domain and all its Projects. For others, such as the admin of a
            single Project, the error does not include the pool or the siblings.
    """
    if sub_range is None:
        return
    if not tenancy.contains(domain.mesh_cidr, sub_range):
        pool = f" {domain.mesh_cidr}" if reads_domain else ""
        raise _invalid(f"sub_range_cidr must lie inside the Domain's mesh_cidr{pool}")
    if taken := await projects.overlapping(connection, domain.id, sub_range, but=project_id):
        sibling = f"{taken[1]} of project {taken[0]}" if reads_domain else "the one of another Project"
        raise Problem(409, "sub_range_overlap", f"sub_range_cidr overlaps {sibling}")


async def _require_nodes_inside(connection: Connection, project_id: UUID, sub_range: Network | None) -> None:
    if sub_range is None:
        return
    if outside := await projects.find_node_outside(connection, project_id, sub_range):
        raise Problem(
            422,
            "sub_range_invalidates_allocation",
            f"the Node at {outside} of project {project_id} would lie outside sub-range {sub_range}",
        )


def _parse_sub_range(text: str) -> Network:
    return tenancy.parse_cidr(text, what="sub_range_cidr")


def _invalid(detail: str) -> Problem:
    return Problem(400, "invalid_project", detail)


def _response(project: Project) -> dict[str, object]:
    response: dict[str, object] = {
        "id": project.id,
        "domain_id": project.domain_id,
        "name": project.name,
        "slug": project.slug,
        "description": project.description,
        "created_at": project.created_at,
        "updated_at": project.updated_at,
    }
    if project.sub_range is not None:
        response["sub_range_cidr"] = str(project.sub_range)
    return response


OPERATIONS: Final = (
    Operation(method="GET", path="/v1/projects/{id}", handler=get_project, surface="projects"),
    Operation(
        method="PATCH", path="/v1/projects/{id}", handler=patch_project, surface="projects", body_cap=TENANCY_CAP
    ),
    Operation(method="DELETE", path="/v1/projects/{id}", handler=delete_project, surface="projects"),
    Operation(method="GET", path="/v1/projects", handler=list_projects, surface="projects"),
    Operation(method="POST", path="/v1/projects", handler=create_project, surface="projects", body_cap=TENANCY_CAP),
)
