"""``/v1/auth/tokens``: the caller's API tokens."""

from __future__ import annotations

from datetime import UTC, timedelta
from email.utils import format_datetime
from typing import Annotated, Final
from uuid import UUID

import msgspec
from starlette.responses import Response

from plexsphere_reference.http.context import Call, no_content
from plexsphere_reference.http.operation import Operation
from plexsphere_reference.http.problems import Problem, permission_denied
from plexsphere_reference.ids import uuid7
from plexsphere_reference.rules.api_tokens import DEFAULT_LIFETIME, EnvPrefix, new_plaintext
from plexsphere_reference.store import api_tokens, audit
from plexsphere_reference.store.api_tokens import NewToken, Token

_ONCE: Final = {"Cache-Control": "no-store"}


class IssueRequest(msgspec.Struct, forbid_unknown_fields=True):
    identity_ref: Annotated[str, msgspec.Meta(pattern=r"\A(user|service):[0-9a-fA-F-]{36}\Z")]
    env_prefix: EnvPrefix
    ttl_seconds: Annotated[int, msgspec.Meta(ge=1, le=31_536_000)] | None = None


async def issue(call: Call) -> Response:
    body = await call.body(IssueRequest)
    caller = call.caller
    if body.identity_ref.lower() != caller.ref:
        # Tokens of other users are issued under /v1/admin/tokens.
        refused = call.record("out_of_scope", "auth.token.issue", body.identity_ref, caller.domain_id)
        await call.plane.audit.append(refused)
        raise permission_denied("issue", body.identity_ref, "out_of_scope")
    token_id = uuid7()
    token = NewToken(
        id=token_id,
        user_id=caller.id,
        env_prefix=body.env_prefix,
        plaintext=new_plaintext(body.env_prefix, token_id),
        lifetime=timedelta(seconds=body.ttl_seconds) if body.ttl_seconds else DEFAULT_LIFETIME,
        acr=caller.acr,
        amr=caller.amr,
    )
    async with call.transaction() as tx:
        expires_at = await api_tokens.insert(tx.connection, token)
        await tx.event("APITokenIssued", "api_token", token_id, domain_id=caller.domain_id, user_id=caller.id)
        record = call.record("granted", "auth.token.issue", f"api_token:{token_id}", caller.domain_id)
        await audit.append(tx.connection, [record])
    answer = {
        "id": token_id,
        "plaintext": token.plaintext,
        "env_prefix": token.env_prefix,
        "expires_at": expires_at,
    }
    return call.json(answer, status=201, headers=_ONCE)


async def list_tokens(call: Call) -> Response:
    tokens = await api_tokens.of_user(call.plane.database, call.caller.id)
    await call.note(call.caller.ref, action="auth.token.list", chain=call.caller.domain_id)
    return call.json([_summary(each) for each in tokens])


async def rotate(call: Call) -> Response:
    token_id = call.path_id("id", code="invalid_token_id")
    async with call.transaction() as tx:
        token = await api_tokens.lock(tx.connection, token_id, call.caller.id)
        if token is None:
            raise _not_found(call, token_id, "auth.token.rotate")
        plaintext = new_plaintext(token.env_prefix, token_id)
        deadline = await api_tokens.rotate(tx.connection, token_id, plaintext)
        await tx.event("APITokenRotated", "api_token", token_id, domain_id=call.caller.domain_id)
        record = call.record("granted", "auth.token.rotate", f"api_token:{token_id}", call.caller.domain_id)
        await audit.append(tx.connection, [record])
    answer = {
        "id": token_id,
        "plaintext": plaintext,
        "env_prefix": token.env_prefix,
        "expires_at": token.expires_at,
        "rotation_deadline": deadline,
    }
    return call.json(answer, headers={**_ONCE, "Sunset": format_datetime(deadline.astimezone(UTC), usegmt=True)})


async def revoke(call: Call) -> Response:
    token_id = call.path_id("id", code="invalid_token_id")
    async with call.transaction() as tx:
        if await api_tokens.lock(tx.connection, token_id, call.caller.id) is None:
            raise _not_found(call, token_id, "auth.token.revoke")
        await api_tokens.revoke(tx.connection, token_id)
        await tx.event("APITokenRevoked", "api_token", token_id, domain_id=call.caller.domain_id)
        record = call.record("granted", "auth.token.revoke", f"api_token:{token_id}", call.caller.domain_id)
        await audit.append(tx.connection, [record])
    return no_content()


def _not_found(call: Call, token_id: UUID, action: str) -> Problem:
    """Return the 404 for a missing token or another user's, and audit it in the caller's Domain."""
    call.refuse("out_of_scope", action, f"api_token:{token_id}", call.caller.domain_id)
    return Problem(404, "token_not_found", "you have no such token")


def _summary(token: Token) -> dict[str, object]:
    summary: dict[str, object] = {
        "id": token.id,
        "env_prefix": token.env_prefix,
        "created_at": token.created_at,
        "expires_at": token.expires_at,
    }
    if token.last_used_at is not None:
        summary["last_used_at"] = token.last_used_at
    if token.rotated_at is not None:
        summary["rotated_at"] = token.rotated_at
    return summary


OPERATIONS: Final = (
    Operation(method="POST", path="/v1/auth/tokens", handler=issue, surface="auth"),
    Operation(method="GET", path="/v1/auth/tokens", handler=list_tokens, surface="auth"),
    Operation(method="DELETE", path="/v1/auth/tokens/{id}", handler=revoke, surface="auth"),
    Operation(method="POST", path="/v1/auth/tokens/{id}/rotate", handler=rotate, surface="auth"),
)
