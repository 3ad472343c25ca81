"""Failed comparisons of objects of the API. None of these tests needs a stack."""

from __future__ import annotations

import pytest

OBJECTS = """
from datetime import UTC, datetime, timedelta

import pytest_plexdev.api.nodes as nodes
import pytest_plexdev.api.problems as problems
from pytest_plexdev.api.projects import Project
from pytest_plexdev import Verdict

NOW = datetime.now(UTC)

def project(slug, **members):
    return Project(**{
        "id": f"id-of-{slug}", "domain_id": "d", "name": f"Test {slug}", "slug": slug,
        "created_at": NOW, "updated_at": NOW,
    } | members)
"""


def run(project: pytest.Pytester, *lines: str) -> pytest.RunResult:
    body = "".join(f"    {line}\n" for line in lines)
    project.makepyfile(test_compare=f"{OBJECTS}\ndef test_compare():\n{body}")
    result = project.runpytest_subprocess("-vv", "test_compare.py")
    result.assert_outcomes(failed=1)
    return result


def test_a_reachability_says_since_when(project: pytest.Pytester) -> None:
    result = run(
        project,
        "beat = NOW - timedelta(seconds=40)",
        "reading = nodes.Reachability(state='stale', changed_at=NOW - timedelta(seconds=10), last_heartbeat_at=beat)",
        "assert nodes.ReachabilityState.of(reading) == 'healty'",
    )

    result.stdout.fnmatch_lines(
        [
            "E * assert 'stale' == 'healty'",
            "E * It is stale since ??:??:?? UTC, 10.? s before this was read.",
            "E * The last heartbeat was accepted at ??:??:?? UTC, 40.? s before this was read.",
            "E * No Node is 'healty': did you mean healthy?",
        ],
        consecutive=True,
    )


def test_two_objects_show_the_members_that_differ(project: pytest.Pytester) -> None:
    result = run(project, "assert project('p-1') == project('p-1', name='Shop')")

    result.stdout.fnmatch_lines(
        ["E * assert Project p-1 (id-of-p-1) == Project p-1 (id-of-p-1)", "E * name: 'Test p-1' != 'Shop'"],
        consecutive=True,
    )
    result.stdout.no_fnmatch_line("E *created_at*")


def test_lists_show_what_is_on_one_side_and_what_differs(project: pytest.Pytester) -> None:
    result = run(
        project,
        "left = [project('p-1'), project('p-2')]",
        "assert left == [project('p-2', name='Shop'), project('p-3'), project('p-4')]",
    )

    result.stdout.fnmatch_lines(
        [
            "E * assert [[]2 of Project[]] == [[]3 of Project[]]",
            "E * Project p-2 (id-of-p-2) differs:",
            "E *   name: 'Test p-2' != 'Shop'",
            "E * only on the left:",
            "E *   Project p-1 (id-of-p-1)",
            "E * only on the right:",
            "E *   Project p-3 (id-of-p-3)",
            "E *   Project p-4 (id-of-p-4)",
        ],
        consecutive=True,
    )


def test_another_order_is_called_that(project: pytest.Pytester) -> None:
    result = run(project, "one, two = project('p-1'), project('p-2')", "assert [one, two] == [two, one]")

    result.stdout.fnmatch_lines(["E * The same objects in another order: Project p-1 (id-of-p-1), Project p-2 *"])


def test_a_missing_object_shows_what_the_list_has(project: pytest.Pytester) -> None:
    result = run(project, "assert project('p-1') in [project('p-2')]")

    result.stdout.fnmatch_lines(["E * The list has:", "E *   Project p-2 (id-of-p-2)"], consecutive=True)


def test_verdicts_are_a_table(project: pytest.Pytester) -> None:
    result = run(
        project,
        "verdict = Verdict(name='nats', state='doomed', since=3.0, reason='it exited', hint='read nats.log')",
        "assert [verdict] == []",
    )

    result.stdout.fnmatch_lines(
        [
            "E * assert [[]Verdict[]] == [[][]]",
            "E * only on the left:",
            "E *   nats  doomed  for 3.0 s       it exited",
            "E *         fix: read nats.log",
        ],
        consecutive=True,
    )


def test_a_problem_is_no_number(project: pytest.Pytester) -> None:
    result = run(
        project,
        "problem = problems.Problem(status=409, code='project_slug_conflict', detail='taken')",
        "assert problems.ProblemError(problem, method='POST', path='/v1/projects') == 403",
    )

    result.stdout.fnmatch_lines(
        [
            "E * POST /v1/projects -> 409 project_slug_conflict: taken",
            "E * Compare its status and code: assert_problem(*",
        ],
        consecutive=True,
    )


def test_other_comparisons_are_left_to_pytest(project: pytest.Pytester) -> None:
    result = run(project, "assert {'a': 1} == {'a': 2}")

    result.stdout.fnmatch_lines(["E * Differing items:", "E * {'a': 1} != {'a': 2}"], consecutive=True)
