"""How a Node's reachability moves: down one state at a time, up in one step."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal, TypeAlias

State: TypeAlias = Literal["healthy", "stale", "unreachable"]
Cause: TypeAlias = Literal["heartbeat_received", "heartbeat_overdue", "policy_changed"]

_DOWNWARDS: Final[tuple[State, ...]] = ("healthy", "stale", "unreachable")


@dataclass(frozen=True)
class Transition:
    """One move, and what caused it."""

    before: State
    after: State
    cause: Cause


def by_time(current: State, due: State) -> list[Transition]:
    """The moves from ``current`` to what the silence says, ``stale`` never left out: a deadline that nobody
    looked at has passed all the same. Up without a heartbeat is the work of a more patient policy."""
    here, there = _DOWNWARDS.index(current), _DOWNWARDS.index(due)
    if there < here:
        return [Transition(current, due, "policy_changed")]
    path = _DOWNWARDS[here : there + 1]
    return [Transition(before, after, "heartbeat_overdue") for before, after in pairwise(path)]


def by_heartbeat(current: State, due: State) -> list[Transition]:
    """The moves that end in ``healthy`` when a heartbeat comes; those that were due before it come first."""
    missed = by_time(current, due)
    if due == "healthy":
        return missed
    return [*missed, Transition(due, "healthy", "heartbeat_received")]


def worse(one: State, other: State) -> State:
    """The one that is further down."""
    return max(one, other, key=_DOWNWARDS.index)
