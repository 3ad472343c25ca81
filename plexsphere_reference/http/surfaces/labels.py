"""``/v1/label-definitions``: create, get, list."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal
from uuid import UUID

import msgspec
from msgspec import Meta
from starlette.responses import Response

from plexsphere_reference.authz.model import Relationship
from plexsphere_reference.http.context import Call
from plexsphere_reference.http.operation import Operation
from plexsphere_reference.http.problems import Problem
from plexsphere_reference.ids import uuid7
from plexsphere_reference.rules import labels as rules
from plexsphere_reference.rules.labels import InvalidValueSchema, ReservedKey
from plexsphere_reference.rules.tenancy import PLATFORM, Invalid
from plexsphere_reference.store import labels, projects
from plexsphere_reference.store.labels import LabelDefinition, Values

_PLATFORM_SCOPE: Final = UUID(int=0)


class ValueSchema(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    kind: Literal["string", "enum", "numeric", "boolean", "regex"]
    max_len: int | None = None
    values: list[str] | None = None
    min: int | None = None
    max: int | None = None
    pattern: str | None = None


class CreateRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    scope: Literal["platform", "domain", "project"]
    scope_id: UUID | None = None
    local_key: Annotated[str, Meta(max_length=4096)]
    description: Annotated[str, Meta(max_length=512)] = ""
    value_schema: ValueSchema
    applicable_kinds: Annotated[list[str], Meta(min_length=1, max_length=64)]
    required: bool = False
    default_value: Any = None
    immutable: bool = False
    cloud_tag_propagation: bool = False
    on_delete: Literal["block", "cascade", "orphan"] = "block"
    cardinality: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 1


_DUPLICATE: Final = Problem(409, "label_definition_conflict", "the scope has a definition of this key")
_CONFLICTS: Final = {
    "label_definitions_scope_key_uq": _DUPLICATE,
    "label_definitions_qualified_key_uq": _DUPLICATE,
}


async def create_definition(call: Call) -> Response:
    body = await call.body(CreateRequest)
    scope_id = _scope_id(body)
    scope_object = _scope_object(body.scope, scope_id)
    chain = await _chain(call, body.scope, scope_id)
    await call.require("manage", scope_object, action="label_definition.create", chain=chain)
    _check(body)
    definition_id = uuid7()
    async with call.transaction(_CONFLICTS) as tx:
        prefix = await labels.prefix(tx.connection, body.scope, scope_id)
        if prefix is None:
            raise _mismatch(f"the {body.scope} of scope_id does not exist")
        definition = await labels.insert(tx.connection, definition_id, _values(body, scope_id, prefix))
        await tx.event("LabelDefinitionCreated", "label_definition", definition_id, domain_id=chain)
        await tx.relate(Relationship(f"label_definition:{definition_id}", f"parent_{body.scope}", scope_object))
    return call.created(_response(definition), f"/v1/label-definitions/{definition_id}")


async def list_definitions(call: Call) -> Response:
    scope, scope_id = _scope_of_query(call)
    page = call.page(f"label-definitions:{scope_id}")
    if scope == "platform":
        # The platform's definitions are visible to all tenants.
        await call.note(PLATFORM, action="label_definition.list", chain=None)
    else:
        chain = await _chain(call, scope, scope_id)
        await call.require_read("read", _scope_object(scope, scope_id), action="label_definition.list", chain=chain)
    rows = await labels.list_page(call.plane.database, scope_id, page.after[0] if page.after else "", page.most)
    items = [_response(each) for each in page.shown(rows)]
    return call.listed(page, rows, items, position=lambda last: [last.local_key])


async def get_definition(call: Call) -> Response:
    definition_id = call.path_id("id", code="invalid_label_definition_id")
    resource = f"label_definition:{definition_id}"
    definition = await labels.get(call.plane.database, definition_id)
    if definition is None:
        raise _not_found()
    chain = await _chain(call, definition.scope, definition.scope_id)
    if definition.scope == "platform":
        await call.note(resource, action="label_definition.read", chain=chain)
        return call.json(_response(definition))
    try:
        await call.require_read("read", resource, action="label_definition.read", chain=chain)
    except Problem as denied:
        # The contract requires 404, not 403, for definitions that are not visible.
        raise _not_found() from denied
    return call.json(_response(definition))


def _scope_id(body: CreateRequest) -> UUID:
    if (body.scope == "platform") != (body.scope_id is None):
        raise _mismatch("scope_id is required for the scopes domain and project, and invalid for others")
    return body.scope_id or _PLATFORM_SCOPE


def _scope_of_query(call: Call) -> tuple[str, UUID]:
    scope, separator, identifier = (call.query("scope") or "").partition(":")
    if scope == "platform" and not separator:
        return scope, _PLATFORM_SCOPE
    try:
        scope_id = UUID(identifier)
    except ValueError:
        scope_id = _PLATFORM_SCOPE
    if scope not in ("domain", "project") or scope_id.int == 0 or str(scope_id) != identifier.lower():
        raise Problem(400, "invalid_scope", "scope must be platform, domain:<uuid> or project:<uuid>")
    return scope, scope_id


def _scope_object(scope: str, scope_id: UUID) -> str:
    return PLATFORM if scope == "platform" else f"{scope}:{scope_id}"


async def _chain(call: Call, scope: str, scope_id: UUID) -> UUID | None:
    match scope:
        case "domain":
            return scope_id
        case "project":
            return await projects.domain_of(call.plane.database, scope_id)
        case _:
            return None


def _check(body: CreateRequest) -> None:
    try:
        rules.check_local_key(body.local_key)
        rules.check_applicable_kinds(body.applicable_kinds)
        schema = rules.ValueSchema(**msgspec.structs.asdict(body.value_schema))
        schema.check()
        if body.default_value is not None and not schema.admits(body.default_value):
            raise InvalidValueSchema("default_value is not a value of value_schema")
    except Invalid as error:
        raise Problem(422, _code(error), str(error)) from error


def _code(error: Invalid) -> str:
    if isinstance(error, ReservedKey):
        return "reserved_key"
    return "invalid_value_schema" if isinstance(error, InvalidValueSchema) else "invalid_label_definition"


def _values(body: CreateRequest, scope_id: UUID, prefix: str) -> Values:
    return Values(
        scope=body.scope,
        scope_id=scope_id,
        local_key=body.local_key,
        qualified_key=f"{prefix}/{body.local_key}",
        description=body.description,
        value_schema=msgspec.to_builtins(body.value_schema),
        applicable_kinds=body.applicable_kinds,
        required=body.required,
        default_value=body.default_value,
        immutable=body.immutable,
        cloud_tag_propagation=body.cloud_tag_propagation,
        on_delete=body.on_delete,
        cardinality=body.cardinality,
    )


def _mismatch(detail: str) -> Problem:
    return Problem(400, "scope_mismatch", detail)


def _not_found() -> Problem:
    return Problem(404, "label_definition_not_found", "there is no such label definition, or none that you see")


def _response(definition: LabelDefinition) -> dict[str, object]:
    response: dict[str, object] = {
        "id": definition.id,
        "scope": definition.scope,
        "scope_id": definition.scope_id,
        "local_key": definition.local_key,
        "qualified_key": definition.qualified_key,
        "value_schema": definition.value_schema,
        "applicable_kinds": definition.applicable_kinds,
        "on_delete": definition.on_delete,
        "cardinality": definition.cardinality,
        "immutable": definition.immutable,
        "cloud_tag_propagation": definition.cloud_tag_propagation,
        "created_by": definition.created_by,
        "created_at": definition.created_at,
        "updated_at": definition.updated_at,
    }
    if definition.description:
        response["description"] = definition.description
    return response


OPERATIONS: Final = (
    Operation(method="GET", path="/v1/label-definitions", handler=list_definitions, surface="labels"),
    Operation(method="POST", path="/v1/label-definitions", handler=create_definition, surface="labels"),
    Operation(method="GET", path="/v1/label-definitions/{id}", handler=get_definition, surface="labels"),
)
