"""Checks before and after a test's fixtures: whether its stack runs, and has what the test needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

import pytest

from pytest_plexdev.core.clock import unix_time
from pytest_plexdev.session.guard import observing
from pytest_plexdev.session.run import Moment, Run

if TYPE_CHECKING:
    from pytest_plexdev.session.evidence.phases import Phases
    from pytest_plexdev.testkit.own_stack import OwnStack
    from pytest_plexdev.testkit.stack import Stack

BEGAN: Final = pytest.StashKey[Moment]()
"""The start of a test."""
_PHASES: Final = pytest.StashKey[list[tuple[str, float]]]()
OWN_STACK: Final = pytest.StashKey["OwnStack"]()
"""The stack that a test has to itself, while it runs."""
_HAD_OWN_STACK: Final = pytest.StashKey[bool]()
NEEDS: Final = "plexdev_needs"
NEEDS_HELP: Final = (
    f"{NEEDS}(*needs): skip the test on a stack without these: a service (mimir), one that is no stand-in "
    "(spicedb:real), a kind of stack (kind), a capability (age-heartbeat)"
)

FIXTURE_NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    "plexdev_secrets": ("openbao",),
    "plexdev_bucket": ("seaweedfs",),
    "plexdev_metrics": ("mimir",),
    "plexdev_logs": ("loki",),
}
"""The services that a fixture needs: requesting it counts as the marker."""


def requests_stack(item: pytest.Item) -> bool:
    """Whether the test requests the stack, directly or by another fixture."""
    return "plexdev_stack" in getattr(item, "fixturenames", ())


def stacks_of(item: pytest.Item, run: Run) -> list[Stack]:
    """Return the running stacks that concern *item*: its own, and the run's unless it requests only its own."""
    own = item.stash.get(OWN_STACK, None)
    return [stack for stack in (own, run.running if own is None or requests_stack(item) else None) if stack is not None]


def stacks_requested(item: pytest.Item, run: Run) -> list[Stack]:
    """Return the running stacks that *item* requests."""
    return [stack for stack in stacks_of(item, run) if stack is not run.running or requests_stack(item)]


def has_needs(item: pytest.Item) -> bool:
    """Whether the test needs more than any stack."""
    if not requests_stack(item):
        return False
    if item.get_closest_marker(NEEDS) is not None:
        return True
    return not FIXTURE_NEEDS.keys().isdisjoint(getattr(item, "fixturenames", ()))


def before_fixtures(item: pytest.Item, run: Run) -> None:
    """Record the start of the test; skip or fail it if the stack cannot be used.

    Raises:
        PlexdevError: ``server-died``.
    """
    with observing(item.config, "the beginning of a test's logs"):
        item.stash[BEGAN] = moment = run.moment()
        item.stash[_PHASES] = [("setup", moment.time)]
    if not requests_stack(item):
        return
    if run.running is None:
        from pytest_plexdev.session import first_failure

        first_failure.skip_if_reported(run.directory, item.nodeid)
        if not run.settings.dev_stack and has_needs(item):
            from pytest_plexdev.session import needs

            needs.skip_on_other_stack(item, run.settings.stack)
        return
    if run.death is not None:
        pytest.skip(f"the stack is incomplete: {run.death.headline}")
    death = None
    with observing(item.config, "whether the stack's servers run"):
        death = run.running.died()
    if death is not None:
        raise death
    _skip_without_needs(item, run)


def after_fixtures(item: pytest.Item, run: Run) -> None:
    """Skip the test that started the stack too, if the stack lacks what it needs."""
    _skip_without_needs(item, run)


def begin_own_stack(item: pytest.Item, stack: OwnStack) -> None:
    """Record the stack that the test has to itself. Its logs so far are not evidence."""
    item.stash[OWN_STACK] = stack
    began = item.stash.get(BEGAN, Moment(unix_time(), {}))
    item.stash[BEGAN] = Moment(began.time, {**began.log_sizes, **stack.log_sizes()})


def end_own_stack(item: pytest.Item, run: Run, stack: OwnStack) -> None:
    """Record that this stack ends. What is reported of the test afterwards may still have its secrets."""
    del item.stash[OWN_STACK]
    item.stash[_HAD_OWN_STACK] = True
    run.own_secrets |= stack.secrets


def secrets_of(item: pytest.Item, run: Run, stacks: Iterable[Stack]) -> frozenset[str]:
    """Return the secrets of *stacks*, and those of the stacks that tests have had to themselves if *item* had one."""
    own = run.own_secrets if _HAD_OWN_STACK in item.stash else frozenset[str]()
    return own.union(*(stack.secrets for stack in stacks))


def end_phase(item: pytest.Item, phase: str, *, passed: bool) -> None:
    """Record that the next phase of the test begins."""
    if phase != "teardown" and (phases := item.stash.get(_PHASES, None)) is not None:
        phases.append(("call" if phase == "setup" and passed else "teardown", unix_time()))


def phases_of(item: pytest.Item, *, phase: str, began: float) -> Phases:
    """Return the phases of a test that has failed.

    Args:
        phase: The phase that failed, by pytest's name.
        began: When it began, if the beginnings of the phases were not recorded (Unix time, seconds).
    """
    from pytest_plexdev.session.evidence.phases import Phases

    known = item.stash.get(_PHASES, [])
    return Phases(tuple(known) if known and known[-1][0] == phase else (*known, (phase, began)))


def _skip_without_needs(item: pytest.Item, run: Run) -> None:
    if run.running is not None and has_needs(item):
        from pytest_plexdev.session import needs

        needs.skip_without(item, run.running.info)
