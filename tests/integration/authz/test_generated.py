"""Over generated tuples, SpiceDB and the evaluator over Postgres decide every check the same."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings

from plexsphere_reference.authz.connect import SCHEMA
from plexsphere_reference.authz.model import Authorizer
from plexsphere_reference.authz.parser import parse
from plexsphere_reference.authz.postgres import PostgresAuthorizer
from plexsphere_reference.authz.spicedb import SpiceDBAuthorizer
from plexsphere_reference.store.database import Database
from tests.support.authz_universe import Case, Question, Universe, in_lines

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
_AT_LEAST: Final = 2000
"""Minimum number of checks that both must have answered."""

Answers = dict[Question, bool]


class Both:
    """The two backends, emptied before each example."""

    def __init__(self, runner: asyncio.Runner, database: Database, spicedb: str, schema_text: str) -> None:
        self._runner = runner
        self._database = database
        self._spicedb = spicedb
        self._schema_text = schema_text

    def answers(self, case: Case) -> tuple[Answers, Answers]:
        """Return the decisions of the evaluator and of SpiceDB over exactly these tuples."""
        return self._runner.run(self._answers(case))

    async def _answers(self, case: Case) -> tuple[Answers, Answers]:
        async with AsyncExitStack() as opened:
            await self._database.execute("TRUNCATE plexsphere.relation_tuples")
            ours = PostgresAuthorizer(self._database, parse(self._schema_text))
            # A new key selects a new, empty store: see the fixture.
            # The deadline is long because decisions are compared, not times.
            theirs = SpiceDBAuthorizer(self._spicedb, secrets.token_hex(8), self._schema_text, deadline_s=60.0)
            for backend in (ours, theirs):
                opened.push_async_callback(backend.close)
                await backend.apply_schema()
                await backend.write(case.tuples)
            by_us, by_spicedb = await asyncio.gather(_checked(ours, case.questions), _checked(theirs, case.questions))
            for backend in (ours, theirs):
                await _require_lists_agree(backend, by_us)
            return by_us, by_spicedb


async def _checked(authorizer: Authorizer, questions: Sequence[Question]) -> Answers:
    # Concurrently: the authorizer combines the checks into bulk requests.
    decisions = await asyncio.gather(*(authorizer.check(*question) for question in questions))
    return {question: decision.allowed for question, decision in zip(questions, decisions, strict=True)}


async def _require_lists_agree(authorizer: Authorizer, answers: Answers) -> None:
    """Check for one permission, a granted one if possible, that list filters and single checks agree."""
    subject, name, somewhere = max(answers, key=lambda question: (answers[question], question))
    kind = somewhere.partition(":")[0]
    resources = sorted(r for s, n, r in answers if (s, n) == (subject, name) and r.partition(":")[0] == kind)
    allowed = [answers[Question(subject, name, resource)] for resource in resources]
    found = await authorizer.lookup_resources(subject, name, kind)
    assert await authorizer.check_many(subject, name, resources) == allowed
    assert [resource in found for resource in resources] == allowed
    enumerated = await authorizer.enumerate_resources(subject, name, kind, limit=100)
    assert enumerated is not None
    assert sorted(enumerated) == sorted(found)
    if found:
        assert await authorizer.enumerate_resources(subject, name, kind, limit=len(found) - 1) is None


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    """An event loop that runs only inside an example, because hypothesis is synchronous."""
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(params=[SCHEMA.read_text(), EVERY_OPERATOR], ids=["authz.zed", "every-operator"])
def schema_text(request: pytest.FixtureRequest) -> str:
    text: str = request.param
    return text


@pytest.fixture
def both(runner: asyncio.Runner, authz_url: str, spicedb: str, schema_text: str) -> Iterator[Both]:
    database = Database(authz_url)
    runner.run(database.open())
    yield Both(runner, database, spicedb, schema_text)
    runner.run(database.close())


def test_spicedb_and_the_evaluator_answer_alike(both: Both, schema_text: str) -> None:
    compared: Counter[bool] = Counter()

    # The same examples in every run, so that a new failure is due to a change of the code.
    # Without time limits, because the machine may be busy.
    @settings(
        max_examples=50,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(case=Universe(parse(schema_text), objects=3).cases())
    def compare(case: Case) -> None:
        by_us, by_spicedb = both.answers(case)
        apart = [question for question in case.questions if by_us[question] != by_spicedb[question]]
        assert not apart, (
            f"with these tuples\n{in_lines(case.tuples)}\n  SpiceDB says {by_spicedb[apart[0]]} and we do not to\n"
            f"{in_lines(apart[:5])}"
        )
        compared.update(by_us.values())

    compare()

    assert compared.total() >= _AT_LEAST
    assert min(compared[True], compared[False]) >= compared.total() / 8, f"too much of one answer: {compared}"
