"""``/v1/domains/{id}/identities``: the members of a Domain, pseudonymous except for its auditors."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

from starlette.responses import Response

from plexsphere_reference.http.context import Call
from plexsphere_reference.http.operation import Operation
from plexsphere_reference.http.problems import Problem
from plexsphere_reference.http.surfaces import domains as domains_surface
from plexsphere_reference.rules.audit import pseudonym
from plexsphere_reference.store import identities
from plexsphere_reference.store.identities import Identity


async def list_identities(call: Call) -> Response:
    domain_id = call.path_id("id", code="invalid_domain_id")
    kind = call.query("kind")
    if kind not in (None, "user", "service-identity"):
        raise Problem(400, "invalid_kind", "kind must be user or service-identity")
    page = call.page(f"identities:{domain_id}:{kind}")
    await call.require_read("read", f"domain:{domain_id}", action="identity.list", chain=domain_id)
    await domains_surface.require_exists(call, domain_id)
    if kind == "service-identity":
        # Always empty: the operation that creates them is not implemented.
        return call.json({"items": []})
    before = (datetime.fromisoformat(page.after[0]), UUID(page.after[1])) if page.after else None
    rows = await identities.list_page(call.plane.database, domain_id, before, page.most)
    items = [_summary(call, each) for each in page.shown(rows)]
    return call.listed(page, rows, items, position=lambda last: [last.created_at.isoformat(), str(last.id)])


async def get_identity(call: Call) -> Response:
    domain_id = call.path_id("id", code="invalid_domain_id")
    identity_id = call.path_id("principal_id", code="invalid_principal_id")
    await call.require_read("read", f"domain:{domain_id}", action="identity.read", chain=domain_id)
    await domains_surface.require_exists(call, domain_id)
    identity = await identities.get(call.plane.database, domain_id, identity_id)
    if identity is None:
        raise Problem(404, "identity_not_found", "the Domain has no such identity")
    answer = _summary(call, identity) | {"updated_at": identity.updated_at}
    auditor = await call.plane.authorizer.check(call.caller.ref, "auditor", f"domain:{domain_id}")
    if auditor.allowed:
        answer["external_subject"] = identity.external_subject
        if identity.email is not None:
            answer["email"] = identity.email
    return call.json(answer)


def _summary(call: Call, identity: Identity) -> dict[str, object]:
    key = call.plane.settings.pseudonym_key
    assert key is not None, "the surface identities needs the pseudonym key"
    summary: dict[str, object] = {
        "id": identity.id,
        "kind": "user",
        "domain_id": identity.domain_id,
        "display_name": identity.display_name,
        "external_subject_pseudonym": pseudonym(key, identity.domain_id, identity.external_subject),
        "created_at": identity.created_at,
    }
    if identity.last_sign_in_at is not None:
        summary["last_sign_in_at"] = identity.last_sign_in_at
    return summary


_COLLECTION: Final = "/v1/domains/{id}/identities"
OPERATIONS: Final = (
    Operation(method="GET", path=_COLLECTION, handler=list_identities, surface="identities"),
    Operation(method="GET", path=f"{_COLLECTION}/{{principal_id}}", handler=get_identity, surface="identities"),
)
