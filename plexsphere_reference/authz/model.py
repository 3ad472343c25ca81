"""The data types of authorisation, and the interface that SpiceDB and the Postgres evaluator implement.

References are strings in SpiceDB's notation: ``domain:<id>`` for an object. A subject is an object, or a userset such
as ``group:<id>#member``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol, Self

from plexsphere_reference.store.database import Connection

_OBJECT: Final = re.compile(r"(?P<type>[a-z][a-z0-9_]{1,62}[a-z0-9]):(?P<id>[a-zA-Z0-9/_|\-=+]{1,1024})")
"""SpiceDB's own rules for the two halves (``ObjectReference`` in its API, without prefixes and wildcards)."""
_RELATION: Final = re.compile(r"[a-z][a-z0-9_]{1,62}[a-z0-9]")


class AuthzUnavailable(Exception):
    """The backend does not answer, so the permission is unknown. Reported as ``503 authz_unavailable``."""


class AuthzRejected(Exception):
    """The request does not match the schema: an unknown type or relation, or a tuple that no relation allows.

    The message uses SpiceDB's wording and may be shown to the caller.
    """


class Object(NamedTuple):
    """A parsed object reference. A tuple, because the evaluator hashes hundreds of them per request."""

    type: str
    id: str

    @classmethod
    def parse(cls, reference: str) -> Self:
        """Parse ``type:id``.

        Raises:
            AuthzRejected: *reference* has another form.
        """
        match = _OBJECT.fullmatch(reference)
        if match is None:
            raise AuthzRejected(f"`{reference}` is not an object reference of the form type:id")
        return cls(*match.groups())

    def __str__(self) -> str:
        return f"{self.type}:{self.id}"


class Subject(NamedTuple):
    """An object or, with ``relation``, the set of subjects that have this relation to it (a userset)."""

    type: str
    id: str
    relation: str = ""

    @classmethod
    def parse(cls, reference: str) -> Self:
        """Parse ``type:id`` or ``type:id#relation``.

        Raises:
            AuthzRejected: *reference* has another form.
        """
        target, mark, relation = reference.partition("#")
        if mark and not _RELATION.fullmatch(relation):
            raise AuthzRejected(f"`{reference}` is not a subject reference of the form type:id or type:id#relation")
        return cls(*Object.parse(target), relation)

    @property
    def object(self) -> Object:
        return Object(self.type, self.id)

    def __str__(self) -> str:
        return f"{self.type}:{self.id}#{self.relation}" if self.relation else f"{self.type}:{self.id}"


@dataclass(frozen=True)
class Relationship:
    """A relation tuple: ``subject`` has ``relation`` to ``resource``."""

    resource: str
    relation: str
    subject: str

    def __str__(self) -> str:
        return f"{self.resource}#{self.relation}@{self.subject}"


@dataclass(frozen=True)
class Decision:
    """The answer to a check.

    Attributes:
        relation_path: Why it is allowed, from the subject's own relation to the resource:
            ``("domain:acme#admin", "project:web#parent")``. Empty when denied, and with SpiceDB, which reports it
            only in its slow tracing mode.
        reason: The contract's reason code of a denial; empty when allowed.
    """

    allowed: bool
    relation_path: tuple[str, ...] = ()
    reason: str = ""


DENIED: Final = Decision(allowed=False, reason="insufficient_relation")


class Authorizer(Protocol):
    """Checks permissions and stores relation tuples.

    Every method raises ``AuthzUnavailable`` if the backend does not answer, and ``AuthzRejected`` if a reference is
    malformed or not in the schema. A check sees every write, of any process, that was acknowledged before it started.
    Paths that are cyclic or deeper than 50 steps grant nothing.
    """

    async def check(self, subject: str, permission: str, resource: str) -> Decision:
        """Check whether ``subject`` has ``permission`` (or a relation of that name) on ``resource``.

        Concurrent checks share round trips.
        """
        ...

    async def check_many(self, subject: str, permission: str, resources: Sequence[str]) -> list[bool]:
        """Check many resources; the decisions are in the same order. Used to filter the rows of a list."""
        ...

    async def lookup_resources(self, subject: str, permission: str, resource_type: str) -> list[str]:
        """Return all resources of a type on which ``subject`` has ``permission``, in no particular order."""
        ...

    async def enumerate_resources(
        self, subject: str, permission: str, resource_type: str, *, limit: int
    ) -> list[str] | None:
        """Like :meth:`lookup_resources`, in bounded time.

        Returns:
            All of them if there are at most *limit*; None if there may be more or the backend cannot enumerate them.
            The caller must then check each resource.
        """
        ...

    async def write(self, tuples: Iterable[Relationship], connection: Connection | None = None) -> None:
        """Write all tuples atomically. Existing tuples are not an error (TOUCH).

        Args:
            connection: The transaction to write in, if the backend is the same Postgres; SpiceDB ignores it.
        """
        ...

    async def delete(self, tuples: Iterable[Relationship], connection: Connection | None = None) -> None:
        """Delete tuples. Missing tuples are not an error."""
        ...

    async def apply_schema(self) -> None:
        """Install ``schema/authz.zed`` as the schema. Idempotent."""
        ...

    async def ready(self) -> None:
        """Return if the backend is ready.

        Raises:
            AuthzUnavailable: The backend does not answer.
        """
        ...

    async def close(self) -> None:
        """Close the connections that this authorizer opened."""
        ...
