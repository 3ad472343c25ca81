"""Parse the subset of SpiceDB's schema language that ``authz.zed`` uses.

Supported: definitions, relations with alternatives, permissions with ``+``, ``&``, ``-``, parentheses and arrows, and
comments. Not supported: caveats, wildcards, prefixes. Different operators cannot be mixed without parentheses, because
SpiceDB's precedence (``-`` binds weakest, then ``&``, then ``+``) is surprising.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple, NoReturn, cast

from plexsphere_reference.authz.schema import (
    Arrow,
    Definition,
    Expression,
    Reference,
    Schema,
    SetOperation,
    SubjectType,
)

_TOKEN: Final = re.compile(
    r"(?P<skip>[ \t]+|//[^\n]*|/\*.*?\*/)"
    r"|(?P<newline>\n)|(?P<name>[a-z][a-z0-9_]*)|(?P<mark>->|[{}():|#=+&-])|(?P<odd>.)",
    re.DOTALL,
)


class SchemaError(Exception):
    """The schema is invalid or uses an unsupported feature; the message names the line."""


class _Token(NamedTuple):
    text: str
    line: int


def parse(text: str) -> Schema:
    """Parse and check a schema.

    Raises:
        SchemaError: It uses an unsupported feature or an undefined name.
    """
    schema = Schema(dict(_Parser(text).definitions()))
    _require_resolved(schema)
    return schema


def _tokens(text: str) -> Iterator[_Token]:
    line = 1
    for match in _TOKEN.finditer(text):
        token = match.group()
        if match.lastgroup == "odd":
            raise SchemaError(f"line {line}: unexpected {token!r}")
        if match.lastgroup != "skip":
            yield _Token(token, line)
        line += token.count("\n")
    yield _Token("", line)


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = list(_tokens(text))
        self._at = 0

    def definitions(self) -> Iterator[tuple[str, Definition]]:
        self._skip_newlines()
        while self._peek():
            self._expect("definition")
            definition = self._definition(self._name())
            yield definition.name, definition
            self._end_of_statement()

    def _definition(self, name: str) -> Definition:
        relations: dict[str, tuple[SubjectType, ...]] = {}
        permissions: dict[str, Expression] = {}
        self._expect("{")
        self._skip_newlines()
        while not self._accept("}"):
            kind, statement = self._name(), self._name()
            if statement in relations or statement in permissions:
                self._fail(f"{name}#{statement} is defined twice")
            if kind == "relation":
                self._expect(":")
                relations[statement] = self._alternatives()
            elif kind == "permission":
                self._expect("=")
                permissions[statement] = self._expression()
            else:
                self._fail(f"expected relation or permission, found {kind!r}")
            self._end_of_statement()
        return Definition(name, relations, permissions)

    def _alternatives(self) -> tuple[SubjectType, ...]:
        found = [self._subject_type()]
        while self._accept("|"):
            found.append(self._subject_type())
        return tuple(found)

    def _subject_type(self) -> SubjectType:
        name = self._name()
        return SubjectType(name, self._name()) if self._accept("#") else SubjectType(name)

    def _expression(self) -> Expression:
        operands = [self._operand()]
        operator = self._peek()
        if operator not in ("+", "&", "-"):
            return operands[0]
        while self._accept(operator):
            operands.append(self._operand())
        if self._peek() in ("+", "&", "-"):
            self._fail("operators of two kinds need parentheses")
        return SetOperation(cast(Literal["+", "&", "-"], operator), tuple(operands))

    def _operand(self) -> Expression:
        if self._accept("("):
            inner = self._expression()
            self._expect(")")
            return inner
        name = self._name()
        return Arrow(name, self._name()) if self._accept("->") else Reference(name)

    def _name(self) -> str:
        token = self._tokens[self._at]
        if not token.text[:1].isalpha():
            self._fail(f"expected a name, found {token.text!r}")
        self._at += 1
        return token.text

    def _end_of_statement(self) -> None:
        # As in SpiceDB, a statement ends at the end of its line, so `relation a: b }` is an error.
        if self._peek() not in ("\n", ""):
            self._fail(f"expected the end of the line, found {self._peek()!r}")
        self._skip_newlines()

    def _skip_newlines(self) -> None:
        while self._accept("\n"):
            pass

    def _peek(self) -> str:
        return self._tokens[self._at].text

    def _accept(self, text: str) -> bool:
        if self._peek() != text or not text:
            return False
        self._at += 1
        return True

    def _expect(self, text: str) -> None:
        if not self._accept(text):
            self._fail(f"expected {text!r}, found {self._peek()!r}")

    def _fail(self, problem: str) -> NoReturn:
        raise SchemaError(f"line {self._tokens[self._at].line}: {problem}")


def _require_resolved(schema: Schema) -> None:
    for definition in schema.definitions.values():
        for relation, alternatives in definition.relations.items():
            for kind in alternatives:
                target = schema.definitions.get(kind.type)
                if target is None or (kind.relation and not target.knows(kind.relation)):
                    raise SchemaError(f"{definition.name}#{relation} takes {kind}, which is not defined")
        for permission, expression in definition.permissions.items():
            for leaf in _leaves(expression):
                _require_leaf(schema, definition, permission, leaf)


def _require_leaf(schema: Schema, definition: Definition, permission: str, leaf: Reference | Arrow) -> None:
    where = f"{definition.name}#{permission}"
    if isinstance(leaf, Reference):
        if not definition.knows(leaf.name):
            raise SchemaError(f"{where} names {leaf.name}, which {definition.name} does not define")
        return
    alternatives = definition.relations.get(leaf.tupleset)
    if alternatives is None:
        raise SchemaError(f"{where} follows {leaf.tupleset}, which is not a relation of {definition.name}")
    if any(kind.relation for kind in alternatives):
        raise SchemaError(f"{where} follows {leaf.tupleset}, which takes usersets; an arrow needs objects")
    if not any(schema.definitions[kind.type].knows(leaf.name) for kind in alternatives):
        raise SchemaError(f"{where} asks for {leaf.name}, which nothing behind {leaf.tupleset} defines")


def _leaves(expression: Expression) -> Iterator[Reference | Arrow]:
    if isinstance(expression, SetOperation):
        for operand in expression.operands:
            yield from _leaves(operand)
    else:
        yield expression
