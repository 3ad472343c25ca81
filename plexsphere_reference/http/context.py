"""What a handler is given: the request, who calls, and the gates and transactions that every handler needs alike."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, TypeVar, cast
from uuid import UUID

import msgspec
import psycopg
from starlette.requests import Request
from starlette.responses import Response

from plexsphere_reference.http.client_address import client_address
from plexsphere_reference.http.dependencies import Plane
from plexsphere_reference.http.null_members import null_member
from plexsphere_reference.http.pagination import Cursors, Page, parse_limit
from plexsphere_reference.http.problems import Problem, permission_denied
from plexsphere_reference.http.request_body import BodyRules, read_body
from plexsphere_reference.http.unit_of_work import Unit
from plexsphere_reference.rules.audit import (
    PLATFORM_CHAIN,
    UNPROVISIONED_KEY,
    AuditRecord,
    DomainRecord,
    Reason,
    pseudonym,
)
from plexsphere_reference.rules.principal import Principal
from plexsphere_reference.store import audit

Body = TypeVar("Body", bound=msgspec.Struct)
Item = TypeVar("Item")

_LONGEST_USER_AGENT: Final = 256
_NUL: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
"""The escape of NUL, which Postgres has no text for; behind an escaped backslash ``u0000`` is text."""


@dataclass(kw_only=True)
class Call:
    """One request on its way through a handler."""

    plane: Plane
    request: Request
    principal: Principal | None
    correlation_id: str
    body_rules: BodyRules
    _decided: list[AuditRecord] = field(default_factory=list)
    _raw: bytes | None = None

    @property
    def caller(self) -> Principal:
        """The principal of an operation that needs one."""
        assert self.principal is not None
        return self.principal

    def path_id(self, name: str, *, code: str) -> UUID:
        """The path's UUID; 400 with ``code`` where it is none or the zero UUID."""
        return self._uuid(self.request.path_params[name], name, code)

    def query(self, name: str) -> str | None:
        """The query parameter, None where it is absent; 400 where it holds NUL, which Postgres has no text for."""
        value = self.request.query_params.get(name)
        if value is not None and "\0" in value:
            raise Problem(400, "invalid_request", f"{name} must not contain NUL")
        return value

    def query_id(self, name: str, *, code: str) -> UUID | None:
        """The query parameter as a UUID, None where it is absent; 400 with ``code`` where it is none."""
        value = self.query(name)
        return None if value is None else self._uuid(value, name, code)

    async def body(self, kind: type[Body]) -> Body:
        """The body as ``kind``.

        Raises:
            Problem: What :func:`read_body` refuses, and 400 where the body is not JSON of that shape; the detail
                says where.
        """
        raw = await self.raw_body()
        if _NUL.search(raw):
            raise Problem(400, self.body_rules.malformed, "text must not contain NUL")
        try:
            body = msgspec.json.decode(raw, type=kind)
            null = null_member(kind, raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Problem(400, self.body_rules.malformed, str(error)) from error
        if null is not None:
            raise Problem(400, self.body_rules.malformed, f"a member must not be null - at `{null}`")
        return body

    async def raw_body(self) -> bytes:
        """The body's bytes, as :func:`read_body` lets them pass."""
        if self._raw is None:
            self._raw = await read_body(self.request, self.body_rules)
        return self._raw

    # ---- gates ------------------------------------------------------------------------

    async def require(self, permission: str, resource: str, *, action: str, chain: UUID | None) -> None:
        """Let a write pass if the caller holds ``permission`` on ``resource``; a refusal is audited at once, then 403.

        The grant's audit row is part of the transaction that follows (where there is none: :meth:`audit_refused`).

        Args:
            action: The audit row's relation, ``project.create`` for example.
            chain: The Domain whose chain gets the row; None for the platform's, which also gets the rows about
                Domains that do not exist.
        """
        self._decided.append(await self._decide(permission, resource, action, chain))

    async def require_read(self, permission: str, resource: str, *, action: str, chain: UUID | None) -> None:
        """Like :meth:`require` for a read: its row is durable when this returns."""
        await self.plane.audit.append(await self._decide(permission, resource, action, chain))

    async def note(self, resource: str, *, action: str, chain: UUID | None) -> None:
        """Audit a read that needs no gate of its own, a list that is filtered row by row for example."""
        await self.plane.audit.append(self.record("granted", action, resource, chain))

    def refuse(self, reason: Reason, action: str, resource: str, chain: UUID | None) -> None:
        """Audit a refusal that no gate decided, once the transaction that is under way has been given up."""
        self._decided.append(self.record(reason, action, resource, chain))

    async def audit_refused(self, code: str) -> None:
        """Audit the decisions about a write that was then refused with the problem *code*; each row names it."""
        decided, self._decided = self._decided, []
        for record in decided:
            context = {"refused": [code]}
            await self.plane.audit.append(msgspec.structs.replace(record, caveat_context=context))

    async def readable(self, permission: str, kind: str, items: Sequence[tuple[UUID, Item]]) -> list[Item]:
        """The items on which the caller holds ``permission``."""
        resources = [f"{kind}:{item_id}" for item_id, _ in items]
        allowed = await self.plane.authorizer.check_many(self.caller.ref, permission, resources)
        return [item for (_, item), yes in zip(items, allowed, strict=True) if yes]

    async def _decide(self, permission: str, resource: str, action: str, chain: UUID | None) -> AuditRecord:
        decision = await self.plane.authorizer.check(self.caller.ref, permission, resource)
        if decision.allowed:
            return self.record("granted", action, resource, chain)
        reason = cast(Reason, decision.reason)
        await self.plane.audit.append(self.record(reason, action, resource, chain))
        raise permission_denied(permission, resource, reason, decision.relation_path)

    def record(self, reason: Reason, action: str, resource: str, chain: UUID | None) -> AuditRecord:
        """An audit row of this call."""
        chain_id = chain or PLATFORM_CHAIN
        object_type, _, object_id = resource.partition(":")
        return DomainRecord(
            chain_id=chain_id,
            occurred_at=datetime.now(UTC),
            reason=reason,
            subject=self._pseudonym(chain_id),
            platform_subject=self._pseudonym(PLATFORM_CHAIN),
            identity_id_ref=self.principal.id if self.principal else None,
            relation=action,
            object_type=object_type,
            object_id=object_id,
            correlation_id=self.correlation_id,
            ip=client_address(self.request, trust_proxy=self.plane.settings.trust_proxy_headers),
            user_agent=self.request.headers.get("user-agent", "")[:_LONGEST_USER_AGENT] or None,
        )

    def _pseudonym(self, chain_id: UUID) -> str:
        key = self.plane.settings.pseudonym_key or UNPROVISIONED_KEY
        return pseudonym(key, chain_id, self.principal.external_subject if self.principal else "anonymous")

    # ---- writing ----------------------------------------------------------------------

    @asynccontextmanager
    async def transaction(self, conflicts: Mapping[str, Problem] | None = None) -> AsyncIterator[Unit]:
        """A transaction that ends with the audit rows of the grants that led to it.

        Args:
            conflicts: What a violated constraint means, by its name.
        """
        try:
            async with self.plane.database.transaction() as connection:
                yield Unit(connection=connection, authorizer=self.plane.authorizer, correlation_id=self.correlation_id)
                if self._decided:
                    await audit.append(connection, self._decided)
        except psycopg.errors.IntegrityError as error:
            problem = (conflicts or {}).get(error.diag.constraint_name or "")
            if problem is None:
                raise
            raise problem.again() from error
        self._decided.clear()

    # ---- answering --------------------------------------------------------------------

    def page(self, listing: str, *, binding: str | None = None) -> Page:
        """What page of ``listing`` is asked for; see :class:`Cursors` for what a bad cursor gets."""
        limit = parse_limit(self.query("limit"))
        cursor = self.query("cursor")
        binding = binding or self.caller.ref
        after = self._cursors(listing).decode(binding, cursor) if cursor else None
        return Page(listing, binding, limit, after)

    def listed(
        self,
        page: Page,
        rows: Sequence[Item],
        items: Sequence[object],
        *,
        position: Callable[[Item], list[Any]],
        **members: object,
    ) -> Response:
        """The answer of a list operation.

        Args:
            rows: What was read, ``page.most`` at the most.
            items: What is shown of ``page.shown(rows)``.
            position: Where the next page begins behind a row.
        """
        answer: dict[str, object] = {"items": items, **members}
        if len(rows) > page.limit:
            last = page.shown(rows)[-1]
            answer["next_cursor"] = self._cursors(page.listing).encode(page.binding, position(last))
        return self.json(answer)

    def json(self, content: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
        return Response(msgspec.json.encode(content), status, dict(headers or {}), "application/json")

    def created(self, content: object, location: str) -> Response:
        return self.json(content, status=201, headers={"Location": location})

    def _cursors(self, listing: str) -> Cursors:
        key = self.plane.settings.cursor_key
        assert key is not None, "a paginated operation names a surface that needs the cursor key"
        return Cursors(key, listing)

    @staticmethod
    def _uuid(value: str, name: str, code: str) -> UUID:
        try:
            parsed = UUID(value)
        except ValueError as error:
            raise Problem(400, code, f"{name} is not a UUID") from error
        if parsed.int == 0 or str(parsed) != value.lower():
            raise Problem(400, code, f"{name} is not a UUID")
        return parsed


def no_content() -> Response:
    return Response(status_code=204)
