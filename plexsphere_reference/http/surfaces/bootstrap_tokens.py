"""``/v1/projects/{project_id}/bootstrap-tokens``.

A token has the permissions of its Project (schema/authz.zed), so the handlers check the Project. Callers that may read
the Project receive 404 for a missing token; all others receive 403 whether or not the token exists.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
from starlette.responses import Response

from plexsphere_reference import password_hash
from plexsphere_reference.authz.model import Relationship
from plexsphere_reference.http.context import Call, no_content
from plexsphere_reference.http.operation import Operation
from plexsphere_reference.http.problems import Problem
from plexsphere_reference.http.surfaces import projects as projects_surface
from plexsphere_reference.http.visibility import filtered_rows
from plexsphere_reference.ids import uuid7
from plexsphere_reference.rules.bootstrap_tokens import Plaintext, check_issue
from plexsphere_reference.rules.tenancy import Invalid
from plexsphere_reference.store import bootstrap_tokens, projects
from plexsphere_reference.store.bootstrap_tokens import BootstrapToken


class IssueRequest(msgspec.Struct, forbid_unknown_fields=True):
    kind: str
    env_prefix: str
    ttl_seconds: int


_CONFLICTS: Final = {"bootstrap_tokens_project_fk": projects_surface.not_found()}


async def issue_bootstrap_token(call: Call) -> Response:
    project_id = _project_id(call)
    body = await call.body(IssueRequest)
    domain_id = await projects.domain_of(call.plane.database, project_id)
    await call.require("manage", f"project:{project_id}", action="bootstrap_token.issue", chain=domain_id)
    _require_exists(domain_id)
    try:
        check_issue(body.kind, body.env_prefix, body.ttl_seconds)
    except Invalid as error:
        raise Problem(400, "invalid_bootstrap_token", str(error)) from error
    token_id = uuid7()
    plaintext = Plaintext.mint(env_prefix=body.env_prefix, project_id=project_id, kind=body.kind)
    argon2_hash = await password_hash.hashed(plaintext.reveal())
    async with call.transaction(_CONFLICTS) as tx:
        token = await bootstrap_tokens.insert(
            tx.connection,
            token_id,
            plaintext,
            argon2_hash,
            lifetime=timedelta(seconds=body.ttl_seconds),
            issued_by=call.caller.id,
        )
        await tx.event("BootstrapTokenIssued", "bootstrap_token", token_id, domain_id=domain_id, project_id=project_id)
        await tx.relate(Relationship(f"bootstrap_token:{token_id}", "parent", f"project:{project_id}"))
    answer = {
        "token_id": token_id,
        "token": plaintext.reveal(),
        "issued_at": token.issued_at,
        "expires_at": token.expires_at,
    }
    return call.created(answer, f"/v1/projects/{project_id}/bootstrap-tokens/{token_id}")


async def list_bootstrap_tokens(call: Call) -> Response:
    project_id = _project_id(call)
    page = call.page(f"bootstrap_tokens:{project_id}")
    await _require_read(call, project_id, action="bootstrap_token.list")

    async def read(after: list[Any] | None, most: int) -> list[BootstrapToken]:
        behind = UUID(after[0]) if after else None
        return await bootstrap_tokens.list_page(call.plane.database, project_id, behind, most)

    # Readers of the Project can read its tokens, so almost nothing is filtered out.
    rows = await filtered_rows(call, page, "bootstrap_token", read, _position)
    items = [_metadata(each) for each in page.shown(rows)]
    return call.listed(page, rows, items, position=_position)


async def get_bootstrap_token(call: Call) -> Response:
    project_id, token_id = _project_id(call), _token_id(call)
    await _require_read(call, project_id, action="bootstrap_token.read")
    token = await bootstrap_tokens.get(call.plane.database, project_id, token_id)
    if token is None:
        raise _not_found()
    return call.json(_metadata(token))


async def revoke_bootstrap_token(call: Call) -> Response:
    project_id, token_id = _project_id(call), _token_id(call)
    domain_id = await projects.domain_of(call.plane.database, project_id)
    await call.require("manage", f"project:{project_id}", action="bootstrap_token.revoke", chain=domain_id)
    _require_exists(domain_id)
    async with call.transaction() as tx:
        token = await bootstrap_tokens.lock(tx.connection, project_id, token_id)
        if token is None:
            raise _not_found()
        if token.consumed_at is not None:
            raise Problem(409, "token_consumed", "a Node has registered with this token")
        if token.revoked_at is not None:
            raise Problem(409, "token_revoked", "this token has been revoked before")
        await bootstrap_tokens.revoke(tx.connection, token_id)
        await tx.event("BootstrapTokenRevoked", "bootstrap_token", token_id, domain_id=domain_id, project_id=project_id)
    return no_content()


def _position(last: BootstrapToken) -> list[Any]:
    return [str(last.id)]


async def _require_read(call: Call, project_id: UUID, *, action: str) -> None:
    chain = await projects.domain_of(call.plane.database, project_id)
    await call.require_read("read", f"project:{project_id}", action=action, chain=chain)
    _require_exists(chain)


def _require_exists(domain_id: UUID | None) -> None:
    """Raise 404 if the Project, whose Domain this is, does not exist (None)."""
    if domain_id is None:
        raise projects_surface.not_found()


def _project_id(call: Call) -> UUID:
    return call.path_id("project_id", code="invalid_project_id")


def _token_id(call: Call) -> UUID:
    return call.path_id("id", code="invalid_bootstrap_token_id")


def _not_found() -> Problem:
    return Problem(404, "bootstrap_token_not_found", "the Project has no such bootstrap token")


def _metadata(token: BootstrapToken) -> dict[str, object]:
    metadata: dict[str, object] = {
        "id": token.id,
        "project_id": token.project_id,
        "kind": token.kind,
        "env_prefix": token.env_prefix,
        "issued_at": token.issued_at,
        "expires_at": token.expires_at,
        "issued_by_user_id": token.issued_by_user_id,
    }
    if token.consumed_at is not None:
        metadata["consumed_at"] = token.consumed_at
    if token.revoked_at is not None:
        metadata["revoked_at"] = token.revoked_at
    return metadata


_COLLECTION: Final = "/v1/projects/{project_id}/bootstrap-tokens"
OPERATIONS: Final = (
    Operation(method="POST", path=_COLLECTION, handler=issue_bootstrap_token, surface="bootstrap_tokens"),
    Operation(method="GET", path=_COLLECTION, handler=list_bootstrap_tokens, surface="bootstrap_tokens"),
    Operation(method="GET", path=f"{_COLLECTION}/{{id}}", handler=get_bootstrap_token, surface="bootstrap_tokens"),
    Operation(
        method="DELETE", path=f"{_COLLECTION}/{{id}}", handler=revoke_bootstrap_token, surface="bootstrap_tokens"
    ),
)
