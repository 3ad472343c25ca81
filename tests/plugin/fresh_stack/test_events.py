"""The events of runs that start a stack, or fail to."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pytest_plexdev.report.event_file import read_runs
from pytest_plexdev.report.events import (
    BringUpBegan,
    BringUpEnded,
    Event,
    OutcomeOfTest,
    PhaseBegan,
    PhaseEnded,
    StackUsed,
    VerdictChanged,
)
from tests.support.refused_seed import HOOK, REFUSED_SEED


def events_of(project: pytest.Pytester) -> Sequence[Event]:
    (events,) = read_runs(project.path / ".plexdev" / "events.jsonl")
    return events


@pytest.mark.parametrize("workers", [[], ["-n", "2"]])
def test_one_bring_up_with_its_parts(project: pytest.Pytester, workers: list[str]) -> None:
    project.makepyfile(
        test_stack="import pytest\n\n@pytest.mark.parametrize('n', range(4))\ndef test_n(plexdev_stack, n):\n    pass\n"
    )
    project.runpytest_subprocess(*workers).assert_outcomes(passed=5)
    events = events_of(project)

    (began,) = [each for each in events if isinstance(each, BringUpBegan)]
    (ended,) = [each for each in events if isinstance(each, BringUpEnded)]
    (stack,) = [each for each in events if isinstance(each, StackUsed)]
    assert ended.error == ""
    assert not stack.was_running
    assert {each.name for each in stack.services} >= {"postgres", "nats", "plexsphere"}
    started = [each.name for each in events if isinstance(each, PhaseBegan)]
    assert sorted(started) == sorted(each.name for each in events if isinstance(each, PhaseEnded))
    assert {"postgres", "nats", "dex", "plexsphere"} <= set(started)
    ready = {each.name: each.at for each in events if isinstance(each, VerdictChanged) and each.state == "ready"}
    assert {"postgres", "nats", "plexsphere"} <= set(ready)
    assert all(began.at <= at <= ended.at for at in ready.values())
    # The bring-up is part of the set-up of a test.
    setups = [each.phases[0] for each in events if isinstance(each, OutcomeOfTest)]
    assert any(setup.began <= began.at and ended.at <= setup.ended for setup in setups)


@pytest.mark.parametrize("workers", [[], ["-n", "2"]])
def test_a_failed_bring_up_has_its_parts_and_its_error(project: pytest.Pytester, workers: list[str]) -> None:
    (project.path / "seed.yaml").write_text(REFUSED_SEED)
    project.makeconftest(HOOK)
    project.makepyfile(test_stack="def test_a(plexdev_stack):\n    pass\n\ndef test_b(plexdev_stack):\n    pass\n")
    project.runpytest_subprocess(*workers).assert_outcomes(passed=1, errors=1, skipped=1)
    events = events_of(project)

    (ended,) = [each for each in events if isinstance(each, BringUpEnded)]
    assert ended.error.startswith("plexdev[server-exited]: plexsphere-bootstrap exited with exit status 2")
    assert ended.error.endswith("fix: read .plexdev/bring-up/plexsphere-bootstrap.log")
    started = {each.name for each in events if isinstance(each, PhaseBegan)}
    assert "plexsphere-bootstrap" in started - {each.name for each in events if isinstance(each, PhaseEnded)}
    assert [each for each in events if isinstance(each, StackUsed)] == []
