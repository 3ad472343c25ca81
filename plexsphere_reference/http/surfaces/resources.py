"""``/v1/projects/{project_id}/resources`` and ``/v1/resources``.

Supports adopted Resources only. Provisioned ones need blueprint versions, which are not implemented.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType
from starlette.responses import Response

from plexsphere_reference.authz.model import Relationship
from plexsphere_reference.http.context import Call, no_content
from plexsphere_reference.http.operation import TENANCY_CAP, Operation
from plexsphere_reference.http.problems import Problem
from plexsphere_reference.http.surfaces import projects as projects_surface
from plexsphere_reference.ids import uuid7
from plexsphere_reference.store import projects, resources
from plexsphere_reference.store.resources import Resource

_NIL: Final = UUID(int=0)
_LONGEST_KIND: Final = 64
_LONGEST_EXTERNAL_REF: Final = 256


class CreateRequest(msgspec.Struct, forbid_unknown_fields=True):
    kind: str | UnsetType = UNSET
    origin: object = None
    external_ref: str | UnsetType = UNSET
    blueprint_version_id: UUID | UnsetType = UNSET
    cloud_credential_id: UUID | UnsetType = UNSET
    parameters: dict[str, msgspec.Raw] | UnsetType = UNSET


_CONFLICTS: Final = {
    "resources_project_external_ref_uq": Problem(
        409, "resource_external_ref_conflict", "another Resource of the Project has this external_ref"
    ),
    "nodes_resource_fk": Problem(409, "resource_in_use", "a Node is registered on this Resource"),
}


async def create_resource(call: Call) -> Response:
    project_id = call.path_id("project_id", code="invalid_project_id")
    body = await call.body(CreateRequest)
    if body.origin not in ("adopted", "provisioned"):
        raise Problem(400, "invalid_resource_origin", "origin must be adopted or provisioned")
    domain_id = await projects.domain_of(call.plane.database, project_id)
    await call.require("deploy", f"project:{project_id}", action="resource.create", chain=domain_id)
    if domain_id is None:
        raise projects_surface.not_found()
    kind = _kind(body)
    if body.origin == "provisioned":
        raise _unprovisionable(body)
    external_ref = _external_ref(body)
    resource_id = uuid7()
    async with call.transaction(_CONFLICTS) as tx:
        resource = await resources.insert_adopted(
            tx.connection, resource_id, project_id, kind=kind, external_ref=external_ref
        )
        if resource is None:
            raise projects_surface.not_found()
        await tx.event("ResourceCreated", "resource", resource_id, domain_id=domain_id, project_id=project_id)
        await tx.relate(Relationship(f"resource:{resource_id}", "parent", f"project:{project_id}"))
    return call.created(_response(resource), f"/v1/resources/{resource_id}")


async def list_resources(call: Call) -> Response:
    project_id = call.path_id("project_id", code="invalid_project_id")
    page = call.page(f"resources:{project_id}")
    chain = await projects.domain_of(call.plane.database, project_id)
    await call.require_read("observe", f"project:{project_id}", action="resource.list", chain=chain)
    if chain is None:
        raise projects_surface.not_found()
    after = UUID(page.after[0]) if page.after else _NIL
    # Observers of the Project can read all its Resources, so the rows are not filtered.
    rows = await resources.list_page(call.plane.database, project_id, after, page.most)
    items = [_response(each) for each in page.shown(rows)]
    return call.listed(page, rows, items, position=lambda last: [str(last.id)])


async def get_resource(call: Call) -> Response:
    resource_id = call.path_id("id", code="invalid_resource_id")
    chain = await resources.domain_of(call.plane.database, resource_id)
    await call.require_read("read", f"resource:{resource_id}", action="resource.read", chain=chain)
    resource = await resources.get(call.plane.database, resource_id)
    if resource is None:
        raise not_found()
    return call.json(_response(resource))


async def delete_resource(call: Call) -> Response:
    resource_id = call.path_id("id", code="invalid_resource_id")
    domain_id = await resources.domain_of(call.plane.database, resource_id)
    await call.require("manage", f"resource:{resource_id}", action="resource.delete", chain=domain_id)
    async with call.transaction(_CONFLICTS) as tx:
        if not await resources.delete(tx.connection, resource_id):
            raise not_found()
        await tx.event("ResourceDeleted", "resource", resource_id, domain_id=domain_id)
    return no_content()


def not_found() -> Problem:
    return Problem(404, "resource_not_found", "there is no such Resource")


def _kind(body: CreateRequest) -> str:
    kind = body.kind.strip() if isinstance(body.kind, str) else ""
    if not 1 <= len(kind) <= _LONGEST_KIND:
        raise _invalid(f"kind must have 1 to {_LONGEST_KIND} characters and not be blank")
    return kind


def _external_ref(body: CreateRequest) -> str | None:
    """Return the external reference of an adopted Resource; reject members of the provisioned flow."""
    foreign = (body.blueprint_version_id, body.cloud_credential_id, body.parameters)
    if any(value is not UNSET for value in foreign):
        raise _invalid("blueprint_version_id, cloud_credential_id and parameters are for origin provisioned")
    if body.external_ref is UNSET:
        return None
    external_ref = body.external_ref.strip()
    if not 1 <= len(external_ref) <= _LONGEST_EXTERNAL_REF:
        raise _invalid(f"external_ref must have 1 to {_LONGEST_EXTERNAL_REF} characters and not be blank")
    return external_ref


def _unprovisionable(body: CreateRequest) -> Problem:
    """Return why a provisioned Resource cannot be created: the first failed check, in the contract's order."""
    if body.external_ref is not UNSET:
        return _invalid("external_ref is for origin adopted")
    if body.blueprint_version_id is UNSET or body.cloud_credential_id is UNSET:
        return _invalid("origin provisioned needs blueprint_version_id and cloud_credential_id")
    return Problem(422, "blueprint_not_found", "there is no such Blueprint version")


def _invalid(detail: str) -> Problem:
    return Problem(400, "invalid_body", detail)


def _response(resource: Resource) -> dict[str, object]:
    response: dict[str, object] = {
        "id": resource.id,
        "project_id": resource.project_id,
        "domain_id": resource.domain_id,
        "kind": resource.kind,
        "origin": resource.origin,
        "created_at": resource.created_at,
        "updated_at": resource.updated_at,
    }
    if resource.external_ref is not None:
        response["external_ref"] = resource.external_ref
    return response


_COLLECTION: Final = "/v1/projects/{project_id}/resources"
OPERATIONS: Final = (
    Operation(method="GET", path="/v1/resources/{id}", handler=get_resource, surface="resources"),
    Operation(method="DELETE", path="/v1/resources/{id}", handler=delete_resource, surface="resources"),
    Operation(method="GET", path=_COLLECTION, handler=list_resources, surface="resources"),
    Operation(method="POST", path=_COLLECTION, handler=create_resource, surface="resources", body_cap=TENANCY_CAP),
)
