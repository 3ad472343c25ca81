"""The context of a handler: the request, the caller, permission checks, transactions and list responses."""

from __future__ import annotations

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

from plexsphere_reference.http.access_log import AccessRecord
from plexsphere_reference.http.client_address import client_address
from plexsphere_reference.http.dependencies import Plane
from plexsphere_reference.http.pagination import Cursors, Page, parse_limit
from plexsphere_reference.http.problems import Problem, permission_denied
from plexsphere_reference.http.request_body import BodyRules, decode_body, read_body
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


@dataclass(kw_only=True)
class Call:
    """A request that a handler processes."""

    plane: Plane
    request: Request
    access: AccessRecord
    body_rules: BodyRules
    _decided: list[AuditRecord] = field(default_factory=list)
    _raw: bytes | None = None

    @property
    def principal(self) -> Principal | None:
        """The authenticated caller; ``None`` for a public operation, until it has authenticated the caller itself."""
        return self.access.principal

    @property
    def correlation_id(self) -> str:
        """The id in the response's header."""
        return self.access.correlation_id

    @property
    def caller(self) -> Principal:
        """The principal of an operation that requires authentication."""
        assert self.principal is not None
        return self.principal

    def path_id(self, name: str, *, code: str) -> UUID:
        """Return a path parameter as a UUID; 400 with ``code`` if it is invalid or the nil UUID."""
        return self._uuid(self.request.path_params[name], name, code)

    def query(self, name: str) -> str | None:
        """Return a query parameter, None if absent; 400 if it contains NUL, which Postgres cannot store."""
        value = self.request.query_params.get(name)
        if value is not None and "\0" in value:
            raise Problem(400, "invalid_request", f"{name} must not contain NUL")
        return value

    def query_id(self, name: str, *, code: str) -> UUID | None:
        """Return a query parameter as a UUID, None if absent; 400 with ``code`` if it is invalid."""
        value = self.query(name)
        return None if value is None else self._uuid(value, name, code)

    async def body(self, kind: type[Body]) -> Body:
        """Decode the body as ``kind``.

        Raises:
            Problem: As of :func:`read_body` and :func:`decode_body`.
        """
        return decode_body(await self.raw_body(), kind, self.body_rules)

    async def raw_body(self) -> bytes:
        """Return the body's bytes, checked by :func:`read_body`."""
        if self._raw is None:
            self._raw = await read_body(self.request, self.body_rules)
        return self._raw

    # ---- gates ------------------------------------------------------------------------

    async def require(self, permission: str, resource: str, *, action: str, chain: UUID | None) -> None:
        """Require ``permission`` on ``resource`` for a write. A denial is audited immediately and raises 403.

        The audit row of a grant is written by the next transaction, or by :meth:`audit_refused`.

        Args:
            action: The audit row's relation, for example ``project.create``.
            chain: The Domain whose chain receives the row; None for the platform's chain, which also receives rows
                about Domains that do not exist.
        """
        self._decided.append(await self._decide(permission, resource, action, chain))

    async def require_read(self, permission: str, resource: str, *, action: str, chain: UUID | None) -> None:
        """Like :meth:`require`, for a read. The audit row is durable when this returns."""
        await self.plane.audit.append(await self._decide(permission, resource, action, chain))

    async def note(self, resource: str, *, action: str, chain: UUID | None) -> None:
        """Audit a read without a permission check, for example of a list that is filtered row by row."""
        await self.plane.audit.append(self.record("granted", action, resource, chain))

    def refuse(self, reason: Reason, action: str, resource: str, chain: UUID | None) -> None:
        """Audit a denial that no permission check decided, after the current transaction is rolled back."""
        self._decided.append(self.record(reason, action, resource, chain))

    async def audit_refused(self, code: str) -> None:
        """Audit the pending decisions of a write that failed with the problem *code*, which each row includes."""
        decided, self._decided = self._decided, []
        for record in decided:
            context = {"refused": [code]}
            await self.plane.audit.append(msgspec.structs.replace(record, caveat_context=context))

    async def readable(self, permission: str, kind: str, items: Sequence[tuple[UUID, Item]]) -> list[Item]:
        """Return the items on which the caller has ``permission``."""
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
        """Create an audit row of this call."""
        self.access.domain_id = chain or self.access.domain_id
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
        """Open a transaction; before the commit it writes the audit rows of the preceding grants.

        Args:
            conflicts: The problem to raise for a violated constraint, by the constraint's name.
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
        """Return the requested page of ``listing``; :class:`Cursors` describes the errors of an invalid cursor."""
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
        """Build the response of a list operation.

        Args:
            rows: The rows that were read, at most ``page.most``.
            items: The response items of ``page.shown(rows)``.
            position: Returns the position of a row, after which the next page starts.
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
