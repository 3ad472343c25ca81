"""The words of authorisation, and the wall that SpiceDB and its stand-in both stand behind.

References are strings in SpiceDB's notation: an object is ``domain:<id>``, a subject an object or a userset such as
``group:<id>#member``.
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
    """The backend does not answer: nothing is known about the permission. ``503 authz_unavailable``."""


class AuthzRejected(Exception):
    """The request does not fit the schema: an unknown type or relation, a tuple that no relation allows.

    The message is SpiceDB's wording and safe to show.
    """


class Object(NamedTuple):
    """A typed object, parsed. A tuple, because the evaluator hashes hundreds of them in a request."""

    type: str
    id: str

    @classmethod
    def parse(cls, reference: str) -> Self:
        """Read ``type:id``.

        Raises:
            AuthzRejected: It has another form.
        """
        match = _OBJECT.fullmatch(reference)
        if match is None:
            raise AuthzRejected(f"`{reference}` is not an object reference of the form type:id")
        return cls(*match.groups())

    def __str__(self) -> str:
        return f"{self.type}:{self.id}"


class Subject(NamedTuple):
    """An object, or with ``relation`` the set of subjects that have this relation to it (a userset)."""

    type: str
    id: str
    relation: str = ""

    @classmethod
    def parse(cls, reference: str) -> Self:
        """Read ``type:id`` or ``type:id#relation``.

        Raises:
            AuthzRejected: It has another form.
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
            ``("domain:acme#admin", "project:web#parent")``. Empty when denied, and where the backend does not say
            (SpiceDB does so only in its slow tracing mode).
        reason: The contract's word for a denial; empty when allowed.
    """

    allowed: bool
    relation_path: tuple[str, ...] = ()
    reason: str = ""


DENIED: Final = Decision(allowed=False, reason="insufficient_relation")


class Authorizer(Protocol):
    """Answers who may do what.

    Every method raises ``AuthzUnavailable`` when the backend does not answer, and ``AuthzRejected`` for a reference
    that is malformed or that the schema does not know. Every check sees every write that was acknowledged before
    it began, whoever wrote. A path through data that is cyclic or deeper than 50 steps grants nothing.
    """

    async def check(self, subject: str, permission: str, resource: str) -> Decision:
        """Whether ``subject`` has ``permission`` (or a relation of that name) on ``resource``.

        Checks that wait at the same time share round trips.
        """
        ...

    async def check_many(self, subject: str, permission: str, resources: Sequence[str]) -> list[bool]:
        """The same for many resources, in their order: what filters the rows of a list."""
        ...

    async def lookup_resources(self, subject: str, permission: str, resource_type: str) -> list[str]:
        """All resources of a type on which ``subject`` has ``permission``, in no order."""
        ...

    async def enumerate_resources(
        self, subject: str, permission: str, resource_type: str, *, limit: int
    ) -> list[str] | None:
        """Like :meth:`lookup_resources`, in bounded time.

        Returns:
            All of them if there are *limit* at most; None where there may be more, or where the backend cannot
            enumerate them: then only checks tell.
        """
        ...

    async def write(self, tuples: Iterable[Relationship], connection: Connection | None = None) -> None:
        """Write tuples; those that are there already are fine (TOUCH). All of them or none.

        Args:
            connection: A transaction to write in, where the backend is the same Postgres; others ignore it.
        """
        ...

    async def delete(self, tuples: Iterable[Relationship], connection: Connection | None = None) -> None:
        """Delete tuples; those that are gone already are fine."""
        ...

    async def apply_schema(self) -> None:
        """Make ``schema/authz.zed`` the schema. Doing so again changes nothing."""
        ...

    async def ready(self) -> None:
        """Return when the backend answers.

        Raises:
            AuthzUnavailable: It does not.
        """
        ...

    async def close(self) -> None:
        """Let go of what this authorizer opened itself."""
        ...
