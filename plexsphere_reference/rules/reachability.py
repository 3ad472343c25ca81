"""State transitions of a Node's reachability: down one state at a time, up in one step."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal, TypeAlias

State: TypeAlias = Literal["healthy", "stale", "unreachable"]
Cause: TypeAlias = Literal["heartbeat_received", "heartbeat_overdue", "policy_changed"]

_DOWNWARDS: Final[tuple[State, ...]] = ("healthy", "stale", "unreachable")


@dataclass(frozen=True)
class Transition:
    """One transition and its cause."""

    before: State
    after: State
    cause: Cause


def by_time(current: State, due: State) -> list[Transition]:
    """Return the transitions from ``current`` to ``due``, the state for the time since the last heartbeat.

    On the way down ``stale`` is never skipped, even if both deadlines passed between two evaluations. A transition up
    without a heartbeat follows a change of the policy to longer deadlines.
    """
    here, there = _DOWNWARDS.index(current), _DOWNWARDS.index(due)
    if there < here:
        return [Transition(current, due, "policy_changed")]
    path = _DOWNWARDS[here : there + 1]
    return [Transition(before, after, "heartbeat_overdue") for before, after in pairwise(path)]


def by_heartbeat(current: State, due: State) -> list[Transition]:
    """Return the transitions to ``healthy`` on a heartbeat, preceded by those that were already due."""
    missed = by_time(current, due)
    if due == "healthy":
        return missed
    return [*missed, Transition(due, "healthy", "heartbeat_received")]


def worse(one: State, other: State) -> State:
    """Return the worse of two states."""
    return max(one, other, key=_DOWNWARDS.index)
