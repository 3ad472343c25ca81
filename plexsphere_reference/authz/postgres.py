"""Evaluate ``authz.zed`` over ``plexsphere.relation_tuples``, as a replacement for SpiceDB."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, LiteralString, NamedTuple, Protocol

from plexsphere_reference.authz.evaluation import Evaluation, Neighbourhood, Verdict
from plexsphere_reference.authz.model import DENIED, AuthzUnavailable, Decision, Object, Relationship, Subject
from plexsphere_reference.authz.schema import Schema
from plexsphere_reference.store.batching import Batcher
from plexsphere_reference.store.database import Connection, DatastoreUnavailable

_LOAD: Final = """
SELECT asked.n, found.*
FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[]) WITH ORDINALITY
     AS asked (object_type, object_id, subject_type, subject_id, subject_relation, n)
CROSS JOIN LATERAL (
    SELECT relation, NULL, NULL, NULL FROM plexsphere.relation_tuples AS direct
    WHERE (direct.object_type, direct.object_id) = (asked.object_type, asked.object_id)
      AND (direct.subject_type, direct.subject_id, direct.subject_relation)
        = (asked.subject_type, asked.subject_id, asked.subject_relation)
    UNION ALL
    SELECT relation, subject_type, subject_id, subject_relation FROM plexsphere.relation_tuples AS edge
    WHERE (edge.object_type, edge.object_id) = (asked.object_type, asked.object_id)
      AND (edge.subject_relation <> '' OR edge.subject_type NOT IN ('user', 'serviceaccount'))
) AS found (relation, subject_type, subject_id, subject_relation)
"""

# Follow all relations that the permission derives from, in any combination. The result is a superset, which checks then
# filter. It is complete because every resource with the permission is connected to the subject by a chain of such
# tuples. Nothing is sorted, so the query stops as soon as the limit is reached.
_REACHABLE: Final = """
WITH RECURSIVE reached (object_type, object_id) AS (
    SELECT %s::text, %s::text
    UNION
    SELECT tuples.object_type, tuples.object_id
    FROM reached JOIN plexsphere.relation_tuples AS tuples
      ON (tuples.subject_type, tuples.subject_id) = (reached.object_type, reached.object_id)
    WHERE (tuples.object_type, tuples.relation) IN (SELECT * FROM unnest(%s::text[], %s::text[]))
)
SELECT object_id FROM reached WHERE object_type = %s LIMIT %s
"""

_WRITE: Final = """
INSERT INTO plexsphere.relation_tuples (object_type, object_id, relation, subject_type, subject_id, subject_relation)
SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[])
ON CONFLICT DO NOTHING
"""

_DELETE: Final = """
DELETE FROM plexsphere.relation_tuples AS tuples
USING unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[])
      AS gone (object_type, object_id, relation, subject_type, subject_id, subject_relation)
WHERE (tuples.object_type, tuples.object_id, tuples.subject_type, tuples.subject_id)
    = (gone.object_type, gone.object_id, gone.subject_type, gone.subject_id)
  AND (tuples.relation, tuples.subject_relation) = (gone.relation, gone.subject_relation)
"""

_EVALUATED_AT_ONCE: Final = 100


class Rows(Protocol):
    """The database interface of the evaluator; ``store.database.Database`` implements it."""

    async def fetch_all(self, query: LiteralString, params: Sequence[object] = ()) -> list[tuple[Any, ...]]: ...

    def transaction(self) -> AbstractAsyncContextManager[Connection]: ...


class _Ask(NamedTuple):
    """A request for one object's neighbourhood with regard to one subject."""

    object: Object
    subject: Subject


class PostgresAuthorizer:
    """Evaluates in rounds. Each round loads, in one statement, all objects that the previous round found missing."""

    def __init__(self, rows: Rows, schema: Schema) -> None:
        self._rows = rows
        self._schema = schema
        self._load_one = Batcher(self._load)

    async def check(self, subject: str, permission: str, resource: str) -> Decision:
        (verdict,) = await self._verdicts(Subject.parse(subject), permission, [Object.parse(resource)])
        return Decision(allowed=True, relation_path=verdict) if verdict else DENIED

    async def check_many(self, subject: str, permission: str, resources: Sequence[str]) -> list[bool]:
        targets = [Object.parse(resource) for resource in resources]
        return [bool(verdict) for verdict in await self._verdicts(Subject.parse(subject), permission, targets)]

    async def lookup_resources(self, subject: str, permission: str, resource_type: str) -> list[str]:
        return await self._lookup(subject, permission, resource_type, limit=None) or []

    async def enumerate_resources(
        self, subject: str, permission: str, resource_type: str, *, limit: int
    ) -> list[str] | None:
        return await self._lookup(subject, permission, resource_type, limit=limit)

    async def _lookup(
        self, subject: str, permission: str, resource_type: str, *, limit: int | None
    ) -> list[str] | None:
        asker = Subject.parse(subject)
        self._schema.require_checkable(asker, permission, resource_type)
        types, relations = zip(*self._schema.relations_behind(resource_type, permission), strict=True)
        most = None if limit is None else limit + 1
        rows = await self._fetch(_REACHABLE, (asker.type, asker.id, list(types), list(relations), resource_type, most))
        if limit is not None and len(rows) > limit:
            return None
        candidates = [Object(resource_type, object_id) for (object_id,) in rows]
        verdicts = await self._verdicts(asker, permission, candidates)
        return [str(target) for target, verdict in zip(candidates, verdicts, strict=True) if verdict]

    async def write(self, tuples: Iterable[Relationship], connection: Connection | None = None) -> None:
        await self._change(_WRITE, tuples, connection)

    async def delete(self, tuples: Iterable[Relationship], connection: Connection | None = None) -> None:
        await self._change(_DELETE, tuples, connection)

    async def apply_schema(self) -> None:
        """Do nothing: every program reads the schema from the same file."""

    async def ready(self) -> None:
        await self._fetch("SELECT 1 FROM plexsphere.relation_tuples LIMIT 1", ())

    async def close(self) -> None:
        """Do nothing: the caller closes the database."""

    async def _verdicts(self, subject: Subject, permission: str, targets: Sequence[Object]) -> list[Verdict]:
        for resource_type in {target.type for target in targets}:
            self._schema.require_checkable(subject, permission, resource_type)
        known: dict[Object, Neighbourhood] = {}
        verdicts: list[Verdict] = [None] * len(targets)
        open_targets = list(range(len(targets)))
        while open_targets:
            missing: dict[Object, None] = {}
            for count, index in enumerate(open_targets, start=1):
                if count % _EVALUATED_AT_ONCE == 0:
                    await asyncio.sleep(0)  # let other requests run
                evaluation = Evaluation(self._schema, subject, known)
                verdicts[index] = evaluation.run(targets[index], permission)
                missing |= evaluation.missing
            open_targets = [index for index in open_targets if verdicts[index] is None]
            if open_targets:
                known.update(zip(missing, await self._neighbourhoods(missing, subject), strict=True))
        return verdicts

    async def _neighbourhoods(self, objects: Iterable[Object], subject: Subject) -> Sequence[Neighbourhood]:
        asks = [_Ask(target, subject) for target in objects]
        if len(asks) == 1:
            return [await self._load_one(asks[0])]
        return await self._load(asks)  # already a batch

    async def _load(self, asks: Sequence[_Ask]) -> list[Neighbourhood]:
        columns = zip(*((*ask.object, *ask.subject) for ask in asks), strict=True)
        rows = await self._fetch(_LOAD, [list(column) for column in columns])
        direct: defaultdict[int, set[str]] = defaultdict(set)
        edges: defaultdict[int, defaultdict[str, list[Subject]]] = defaultdict(lambda: defaultdict(list))
        for n, relation, subject_type, subject_id, subject_relation in rows:
            if subject_type is None:
                direct[n].add(relation)
            else:
                edges[n][relation].append(Subject(subject_type, subject_id, subject_relation))
        nothing: dict[str, list[Subject]] = {}
        return [Neighbourhood(frozenset(direct.get(n, ())), edges.get(n, nothing)) for n in range(1, len(asks) + 1)]

    async def _change(
        self, statement: LiteralString, tuples: Iterable[Relationship], connection: Connection | None
    ) -> None:
        # Sorted, so that writers of overlapping sets do not deadlock.
        parts = sorted({self._schema.require_writable(tuple_) for tuple_ in tuples})
        if not parts:
            return
        columns = [
            list(c) for c in zip(*((*target, relation, *subject) for target, relation, subject in parts), strict=True)
        ]
        try:
            if connection is not None:
                await connection.execute(statement, columns)
                return
            async with self._rows.transaction() as own:
                await own.execute(statement, columns)
        except DatastoreUnavailable as error:
            raise AuthzUnavailable(str(error)) from error

    async def _fetch(self, statement: LiteralString, params: Sequence[object]) -> list[tuple[Any, ...]]:
        try:
            return await self._rows.fetch_all(statement, params)
        except DatastoreUnavailable as error:
            raise AuthzUnavailable(str(error)) from error
