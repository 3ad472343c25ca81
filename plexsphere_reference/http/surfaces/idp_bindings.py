"""``/v1/admin/idp``: the identity providers of a Domain."""

from __future__ import annotations

from typing import Final
from uuid import UUID

import msgspec
from msgspec import UNSET
from starlette.responses import Response

from plexsphere_reference.http.context import Call, no_content
from plexsphere_reference.http.operation import Operation
from plexsphere_reference.http.problems import Problem
from plexsphere_reference.http.surfaces.idp_binding_requests import (
    CreateRequest,
    PatchRequest,
    StatusRequest,
    patched,
    settings_of,
)
from plexsphere_reference.ids import uuid7
from plexsphere_reference.rules.secret_references import OPENBAO
from plexsphere_reference.rules.tenancy import PLATFORM
from plexsphere_reference.store import idp_bindings
from plexsphere_reference.store.idp_bindings import IdpBinding, Settings

_CONFLICTS: Final = {
    "idp_bindings_active_domain_issuer_uq": Problem(
        409, "issuer_conflict", "the Domain has an active binding of this issuer"
    ),
    "idp_bindings_active_domain_alias_uq": Problem(
        409, "alias_conflict", "an active binding of the Domain has this alias"
    ),
    "idp_bindings_active_domain_primary_uq": Problem(
        409, "primary_conflict", "another active binding is the Domain's primary; demote it first"
    ),
    "idp_bindings_domain_fk": Problem(409, "parent_domain_missing", "the Domain does not exist"),
}


async def create_binding(call: Call) -> Response:
    body = await call.body(CreateRequest)
    domain_id = body.domain_id
    await call.require("manage", f"domain:{domain_id}", action="idp_binding.create", chain=domain_id)
    settings = settings_of(body)
    _check_secret(call, domain_id, body.client_secret_ref, settings)
    binding_id = uuid7()
    async with call.transaction(_CONFLICTS) as tx:
        binding = await idp_bindings.insert(
            tx.connection,
            binding_id,
            domain_id,
            settings,
            issuer=body.issuer,
            client_id=body.client_id,
            client_secret_ref=body.client_secret_ref,
        )
        await tx.event("IdPBindingCreated", "idp_binding", binding_id, domain_id=domain_id, issuer=body.issuer)
    return call.created(_response(binding), f"/v1/admin/idp/{binding_id}")


async def list_bindings(call: Call) -> Response:
    domain_id = call.query_id("domain_id", code="invalid_domain_id")
    if domain_id is not None:
        await call.require_read("read", f"domain:{domain_id}", action="idp_binding.list", chain=domain_id)
        domain_ids = [domain_id]
    else:
        await call.note(PLATFORM, action="idp_binding.list", chain=None)
        readable = await call.plane.authorizer.lookup_resources(call.caller.ref, "read", "domain")
        domain_ids = [UUID(resource.removeprefix("domain:")) for resource in readable]
    return call.json([_response(each) for each in await idp_bindings.list_by_domains(call.plane.database, domain_ids)])


async def get_binding(call: Call) -> Response:
    binding_id = call.path_id("id", code="invalid_binding_id")
    return call.json(_response(await _visible(call, binding_id, action="idp_binding.read")))


async def patch_binding(call: Call) -> Response:
    binding_id = call.path_id("id", code="invalid_binding_id")
    patch = await call.body(PatchRequest)
    if all(value is UNSET for value in msgspec.structs.astuple(patch)):
        raise Problem(400, "empty_patch", "the patch changes nothing")
    current = await _manageable(call, binding_id, action="idp_binding.update")
    settings = patched(current.settings, patch)
    if settings.discovery_url != current.settings.discovery_url:
        _check_secret(call, current.domain_id, current.client_secret_ref, settings)
    async with call.transaction(_CONFLICTS) as tx:
        # `current` was read before the lock. Reject the patch if the binding has changed since.
        if await idp_bindings.version(tx.connection, binding_id) != current.version:
            raise Problem(409, "binding_conflict", "this binding was changed by another request; read it again")
        binding = await idp_bindings.update(tx.connection, binding_id, settings)
        await tx.event("IdPBindingUpdated", "idp_binding", binding_id, domain_id=binding.domain_id)
    return call.json(_response(binding))


async def patch_status(call: Call) -> Response:
    binding_id = call.path_id("id", code="invalid_binding_id")
    body = await call.body(StatusRequest)
    if body.status not in ("active", "deactivated"):
        raise Problem(400, "invalid_status", "status can be set to active or deactivated")
    await _manageable(call, binding_id, action="idp_binding.status")
    binding = await _set_status(call, binding_id, body.status, event="IdPBindingStatusChanged")
    return call.json(_response(binding))


async def delete_binding(call: Call) -> Response:
    binding_id = call.path_id("id", code="invalid_binding_id")
    await _manageable(call, binding_id, action="idp_binding.delete")
    await _set_status(call, binding_id, "deactivated", event="IdPBindingDeactivated")
    return no_content()


def not_found() -> Problem:
    return Problem(404, "binding_not_found", "there is no such IdP binding")


async def _visible(call: Call, binding_id: UUID, *, action: str) -> IdpBinding:
    """Return the binding if the caller may read its Domain; else 404, as for a missing binding."""
    binding = await _find(call, binding_id)
    chain = binding.domain_id
    try:
        await call.require_read("read", f"domain:{chain}", action=action, chain=chain)
    except Problem as denied:
        raise not_found() from denied
    return binding


async def _manageable(call: Call, binding_id: UUID, *, action: str) -> IdpBinding:
    """Return the binding if the caller may manage its Domain; 403 if they may only read it, else 404."""
    binding = await _find(call, binding_id)
    chain = binding.domain_id
    try:
        await call.require("manage", f"domain:{chain}", action=action, chain=chain)
    except Problem as denied:
        readable = await call.plane.authorizer.check(call.caller.ref, "read", f"domain:{chain}")
        raise (denied if readable.allowed else not_found()) from None
    return binding


async def _find(call: Call, binding_id: UUID) -> IdpBinding:
    binding = await idp_bindings.get(call.plane.database, binding_id)
    if binding is None:
        raise not_found()
    return binding


async def _set_status(call: Call, binding_id: UUID, status: str, *, event: str) -> IdpBinding:
    async with call.transaction(_CONFLICTS) as tx:
        binding = await idp_bindings.set_status(tx.connection, binding_id, status)
        if binding is None:
            raise not_found()
        await tx.event(event, "idp_binding", binding_id, domain_id=binding.domain_id, status=status)
    return binding


def _check_secret(call: Call, domain_id: UUID, reference: str, settings: Settings) -> None:
    """Reject a reference to a secret of another Domain, or of this process for another identity provider."""
    if call.plane.client_secrets.permits(reference, domain_id=domain_id, discovery_url=settings.discovery_url):
        return
    if reference.startswith(OPENBAO):
        form = f"openbao:domains/{domain_id}/<path>#<key>"
        raise Problem(400, "invalid_idp_binding", f"client_secret_ref is not of the form {form}")
    # The same message for every variable, so that it does not disclose which ones exist.
    raise Problem(400, "invalid_idp_binding", "client_secret_ref names no secret that is meant for this discovery_url")


def _response(binding: IdpBinding) -> dict[str, object]:
    settings = binding.settings
    optional = {
        "alias": settings.alias,
        "claim_mappings": settings.claim_mappings,
        "required_acr": settings.required_acr,
        "required_amr": settings.required_amr,
    }
    return {
        "id": binding.id,
        "domain_id": binding.domain_id,
        "issuer": binding.issuer,
        "client_id": binding.client_id,
        "client_secret_ref": binding.client_secret_ref,
        "discovery_url": settings.discovery_url,
        "jit_policy": settings.jit_policy,
        "status": binding.status,
        "primary": settings.primary,
        "created_at": binding.created_at,
        "updated_at": binding.updated_at,
        **{name: value for name, value in optional.items() if value},
    }


_ONE: Final = "/v1/admin/idp/{id}"
OPERATIONS: Final = (
    Operation(method="GET", path="/v1/admin/idp", handler=list_bindings, surface="idp"),
    Operation(method="POST", path="/v1/admin/idp", handler=create_binding, surface="idp"),
    Operation(method="GET", path=_ONE, handler=get_binding, surface="idp"),
    Operation(method="PATCH", path=_ONE, handler=patch_binding, surface="idp"),
    Operation(method="DELETE", path=_ONE, handler=delete_binding, surface="idp"),
    Operation(method="PATCH", path=f"{_ONE}/status", handler=patch_status, surface="idp"),
)
