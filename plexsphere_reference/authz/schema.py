"""The data model of ``authz.zed``: definitions, the subjects that relations allow, and permission expressions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from plexsphere_reference.authz.model import AuthzRejected, Object, Relationship, Subject


@dataclass(frozen=True)
class SubjectType:
    """One alternative of a relation: a type (``user``), or a type with a relation (``group#member``)."""

    type: str
    relation: str = ""

    def __str__(self) -> str:
        return f"{self.type}#{self.relation}" if self.relation else self.type


@dataclass(frozen=True)
class Reference:
    """A relation or another permission of the same definition."""

    name: str


@dataclass(frozen=True)
class Arrow:
    """``tupleset->name``: subjects with ``name`` on the objects of ``tupleset``; types without ``name`` are skipped."""

    tupleset: str
    name: str


@dataclass(frozen=True)
class SetOperation:
    """Operands joined by one left-associative operator."""

    operator: Literal["+", "&", "-"]
    operands: tuple[Expression, ...]


Expression: TypeAlias = Reference | Arrow | SetOperation


@dataclass(frozen=True)
class Definition:
    name: str
    relations: Mapping[str, tuple[SubjectType, ...]]
    permissions: Mapping[str, Expression]

    def knows(self, name: str) -> bool:
        return name in self.relations or name in self.permissions


@dataclass(frozen=True)
class Schema:
    """A complete schema. Error messages use SpiceDB's wording."""

    definitions: Mapping[str, Definition]
    _relations_behind: dict[tuple[str, str], frozenset[tuple[str, str]]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def definition(self, name: str) -> Definition:
        """Return the definition of an object type.

        Raises:
            AuthzRejected: The type is not defined.
        """
        definition = self.definitions.get(name)
        if definition is None:
            raise AuthzRejected(f"object definition `{name}` not found")
        return definition

    def relations_behind(self, type_: str, name: str) -> frozenset[tuple[str, str]]:
        """Return every (object type, relation) whose tuples can affect ``name`` on objects of the type."""
        known = self._relations_behind.get((type_, name))
        if known is None:
            known = self._relations_behind[type_, name] = _Derivation(self).of(type_, name)
        return known

    def require_checkable(self, subject: Subject, name: str, resource_type: str) -> None:
        """Check that the types and names of a permission check exist.

        Raises:
            AuthzRejected: A type, relation or permission is unknown.
        """
        if not self.definition(resource_type).knows(name):
            raise _unknown_name(resource_type, name)
        definition = self.definition(subject.type)
        if subject.relation and not definition.knows(subject.relation):
            raise _unknown_name(subject.type, subject.relation)

    def require_writable(self, tuple_: Relationship) -> tuple[Object, str, Subject]:
        """Parse a tuple and check that the schema allows it.

        Raises:
            AuthzRejected: A name is unknown or a permission, or the relation does not allow the subject.
        """
        resource, subject = Object.parse(tuple_.resource), Subject.parse(tuple_.subject)
        self.require_checkable(subject, tuple_.relation, resource.type)
        allowed = self.definition(resource.type).relations.get(tuple_.relation)
        if allowed is None:
            raise AuthzRejected(
                f"cannot write a relationship to permission `{tuple_.relation}` under definition `{resource.type}`"
            )
        kind = SubjectType(subject.type, subject.relation)
        if kind not in allowed:
            raise AuthzRejected(
                f"subjects of type `{kind}` are not allowed on relation `{resource.type}#{tuple_.relation}`"
            )
        return resource, tuple_.relation, subject


class _Derivation:
    """Collects the relations that a name derives from."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._seen: set[tuple[str, str]] = set()
        self._relations: set[tuple[str, str]] = set()

    def of(self, type_: str, name: str) -> frozenset[tuple[str, str]]:
        self._name(type_, name)
        return frozenset(self._relations)

    def _name(self, type_: str, name: str) -> None:
        definition = self._schema.definitions[type_]
        if (type_, name) in self._seen or not definition.knows(name):
            return
        self._seen.add((type_, name))
        if name in definition.permissions:
            self._expression(definition, definition.permissions[name])
            return
        self._relations.add((type_, name))
        for kind in definition.relations[name]:
            if kind.relation:
                self._name(kind.type, kind.relation)

    def _expression(self, definition: Definition, expression: Expression) -> None:
        if isinstance(expression, Reference):
            self._name(definition.name, expression.name)
        elif isinstance(expression, Arrow):
            self._name(definition.name, expression.tupleset)
            for kind in definition.relations[expression.tupleset]:
                self._name(kind.type, expression.name)
        else:
            for operand in expression.operands:
                self._expression(definition, operand)


def _unknown_name(definition: str, name: str) -> AuthzRejected:
    return AuthzRejected(f"relation/permission `{name}` not found under definition `{definition}`")
