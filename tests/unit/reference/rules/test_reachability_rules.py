from __future__ import annotations

from itertools import pairwise, product

import pytest

from plexsphere_reference.rules.reachability import State, by_heartbeat, by_time, worse

STATES: tuple[State, ...] = ("healthy", "stale", "unreachable")


@pytest.mark.parametrize(
    ("current", "due", "path"),
    [
        ("healthy", "healthy", []),
        ("healthy", "stale", [("healthy", "stale")]),
        ("healthy", "unreachable", [("healthy", "stale"), ("stale", "unreachable")]),
        ("stale", "unreachable", [("stale", "unreachable")]),
        ("unreachable", "healthy", [("unreachable", "healthy")]),
        ("unreachable", "stale", [("unreachable", "stale")]),
    ],
)
def test_down_by_single_steps_and_up_at_once(current: State, due: State, path: list[tuple[str, str]]) -> None:
    assert [(each.before, each.after) for each in by_time(current, due)] == path


@pytest.mark.parametrize(("current", "due"), list(product(STATES, STATES)))
def test_a_heartbeat_ends_in_healthy_by_an_unbroken_path(current: State, due: State) -> None:
    moves = by_heartbeat(current, due)

    assert all(one.after == next_.before for one, next_ in pairwise(moves))
    assert (moves[0].before if moves else "healthy") == current
    assert (moves[-1].after if moves else "healthy") == "healthy"
    assert all(each.before != each.after for each in moves)


def test_causes() -> None:
    assert [each.cause for each in by_heartbeat("healthy", "unreachable")] == [
        "heartbeat_overdue",
        "heartbeat_overdue",
        "heartbeat_received",
    ]
    assert [each.cause for each in by_time("unreachable", "stale")] == ["policy_changed"]


def test_the_worse_of_two() -> None:
    assert worse("healthy", "stale") == worse("stale", "healthy") == "stale"
    assert worse("stale", "unreachable") == "unreachable"
