"""Random tuples: the evaluator and a real SpiceDB give the same answer to every question there is."""

from __future__ import annotations

import asyncio
import itertools
import random
from typing import Final

import pytest

from plexsphere_reference.authz.connect import SCHEMA
from plexsphere_reference.authz.model import Relationship
from plexsphere_reference.authz.parser import parse
from plexsphere_reference.authz.schema import Schema, SubjectType

from .conftest import Open

pytestmark = pytest.mark.anyio

EVERY_OPERATOR: Final = """
definition user {}

definition team {
	relation member: user | team#member | team#trusted
	relation banned: user | team#member
	permission trusted = member - banned
}

definition folder {
	relation parent: folder | shelf
	relation owner: user | team#trusted
	relation reader: user | team#member
	permission edit = owner & reader
	permission view = (reader + parent->view + parent->visit) - parent->closed
	permission both = (owner + parent->both) & (reader + parent->visit)
}

definition shelf {
	relation visitor: user | team#member
	relation closed: user
	permission visit = visitor
}
"""
_OBJECTS_PER_TYPE: Final = 4


def random_tuples(schema: Schema, chance: random.Random, count: int) -> list[Relationship]:
    """Tuples that the schema allows. Objects of one type point to later ones only: on cycles SpiceDB gives up."""
    kinds = [
        (definition.name, relation, kind)
        for definition in schema.definitions.values()
        for relation, alternatives in definition.relations.items()
        for kind in alternatives
    ]
    found: list[Relationship] = []
    while len(found) < count:
        resource_type, relation, kind = chance.choice(kinds)
        resource, subject = chance.randrange(_OBJECTS_PER_TYPE), chance.randrange(_OBJECTS_PER_TYPE)
        if kind.type == resource_type and subject <= resource:
            continue
        found.append(Relationship(f"{resource_type}:{resource}", relation, str(_subject(kind, subject))))
    return found


def _subject(kind: SubjectType, number: int) -> str:
    return f"{kind.type}:{number}#{kind.relation}" if kind.relation else f"{kind.type}:{number}"


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("schema_text", [SCHEMA.read_text(), EVERY_OPERATOR], ids=["authz.zed", "every-operator"])
async def test_both_give_every_answer_alike(open_backend: Open, schema_text: str, seed: int) -> None:
    schema = parse(schema_text)
    chance = random.Random(seed)
    tuples = random_tuples(schema, chance, count=chance.randrange(20, 90))
    ours, theirs = await open_backend("postgres", schema_text), await open_backend("spicedb", schema_text)
    for backend in (ours, theirs):
        await backend.write(tuples)
    kinds = {kind for d in schema.definitions.values() for kinds in d.relations.values() for kind in kinds}
    subjects = [_subject(kind, number) for kind in sorted(kinds, key=str) for number in range(_OBJECTS_PER_TYPE)]
    granted = 0

    async def compare(subject: str, resource_type: str, name: str) -> int:
        resources = [f"{resource_type}:{number}" for number in range(_OBJECTS_PER_TYPE)]
        mine, real, found = await asyncio.gather(
            ours.check_many(subject, name, resources),
            theirs.check_many(subject, name, resources),
            ours.lookup_resources(subject, name, resource_type),
        )
        assert mine == real, (subject, name, resources)
        assert sorted(found) == list(itertools.compress(resources, mine)), (subject, name)
        return sum(mine)

    for subject, definition in itertools.product(subjects, schema.definitions.values()):
        names = (*definition.relations, *definition.permissions)
        granted += sum(await asyncio.gather(*(compare(subject, definition.name, name) for name in names)))
    assert granted > 50, "too few tuples to compare anything"
