"""Relation tuples and permission checks derived from a schema, for hypothesis to select and to shrink."""

from __future__ import annotations

import itertools
import random
import zlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from hypothesis import strategies as st

from plexsphere_reference.authz.model import Relationship
from plexsphere_reference.authz.schema import Schema, SubjectType

_NEAR: Final = 80
_ANYWHERE: Final = 40


class Question(NamedTuple):
    """A permission check."""

    subject: str
    permission: str
    resource: str

    def __str__(self) -> str:
        return f"{self.resource}#{self.permission}@{self.subject}"


class Case(NamedTuple):
    """Tuples, and the permission checks to evaluate over them."""

    tuples: Sequence[Relationship]
    questions: Sequence[Question]

    def __repr__(self) -> str:
        return f"tuples\n{in_lines(self.tuples)}\n  and {len(self.questions)} questions"


class Universe:
    """All possible tuples and checks for *objects* objects of each type of a schema."""

    def __init__(self, schema: Schema, objects: int) -> None:
        numbers = range(objects)
        self._names = {
            definition.name: (*definition.relations, *definition.permissions)
            for definition in schema.definitions.values()
        }
        # Objects of one type refer to later ones only: SpiceDB fails on a cycle, which another test covers.
        self.tuples = sorted(
            (
                Relationship(f"{definition.name}:{resource}", relation, _subject(kind, subject))
                for definition in schema.definitions.values()
                for relation, kinds in definition.relations.items()
                for kind in kinds
                for resource, subject in itertools.product(numbers, repeat=2)
                if kind.type != definition.name or resource < subject
            ),
            key=lambda each: ("#" in each.subject, str(each)),  # a failing example shrinks to the first ones
        )
        subjects = {each.subject for each in self.tuples} | {"user:stranger"}
        resources = [f"{name}:{number}" for name in schema.definitions for number in numbers]
        self._anything = [
            question for subject in sorted(subjects) for r in resources for question in self._about(subject, r)
        ]

    def cases(self) -> st.SearchStrategy[Case]:
        """Few or many tuples, and checks of which most concern objects that the tuples connect."""
        few, many = (
            st.lists(st.sampled_from(self.tuples), min_size=least, max_size=most, unique_by=str)
            for least, most in ((1, 20), (20, 60))
        )
        tuples = few | many  # a failing one shrinks to the left

        @st.composite
        def cases(draw: st.DrawFn) -> Case:
            return self._case(draw(tuples), draw(st.integers(0, 2**16)))

        return cases()

    def _case(self, tuples: Sequence[Relationship], seed: int) -> Case:
        # Only the tuples shrink: a check is kept while they connect its subject and resource.
        def by_chance(question: Question) -> int:
            return zlib.crc32(f"{seed} {question}".encode())

        near = sorted(self._near(tuples), key=by_chance)[:_NEAR]
        anywhere = random.Random(seed).sample(self._anything, _ANYWHERE)
        return Case(tuples, sorted({*near, *anywhere}))

    def _near(self, tuples: Sequence[Relationship]) -> list[Question]:
        """Return every check whose subject and resource are connected by tuples, allowed or not."""
        leads_to = defaultdict(set)
        for each in tuples:
            leads_to[each.subject.partition("#")[0]].add(each.resource)
        found = []
        for subject in sorted({each.subject for each in tuples}):
            for resource in sorted(_reachable(subject.partition("#")[0], leads_to)):
                found += self._about(subject, resource)
        return found

    def _about(self, subject: str, resource: str) -> list[Question]:
        return [Question(subject, name, resource) for name in self._names[resource.partition(":")[0]]]


def in_lines(texts: Iterable[object]) -> str:
    """Format one per line, to paste a failing example."""
    return "\n".join(f"    {text}" for text in texts)


def _reachable(start: str, leads_to: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    ahead = [start]
    while ahead:
        fresh = leads_to.get(ahead.pop(), set()) - found
        found |= fresh
        ahead += fresh
    return found


def _subject(kind: SubjectType, number: int) -> str:
    return f"{kind.type}:{number}#{kind.relation}" if kind.relation else f"{kind.type}:{number}"
