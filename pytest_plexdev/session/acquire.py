"""Acquire and release the stack of a run: a fresh one that its processes share by a lease, or the running one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_plexdev.core.model import Event, StackInfo, up_command
from pytest_plexdev.errors import SEED_DRIFTED, PlexdevError
from pytest_plexdev.stack.discovery import Attached, cluster_stack, find_running

if TYPE_CHECKING:
    from pytest_plexdev.session.lease import Lease
    from pytest_plexdev.session.output import Output
    from pytest_plexdev.stack.providers import Wanted


def acquire(wanted: Wanted, output: Output) -> Attached:
    """The stack of a run: the running one where the run asks for it, else a fresh one that it leases.

    Raises:
        PlexdevError: There is no such stack, or it did not come up.
    """
    if wanted.settings.dev_stack:
        found = find_running(wanted.settings.chosen_stack, lambda: _warm_cluster_as(wanted))
        return _seeded_as(wanted, found) if found.info.cluster is None else found
    return Attached(wanted.fresh(wanted.directory), _lease(wanted, output).acquire(_unheard))


def release(wanted: Wanted, output: Output, *, failed: bool) -> StackInfo | None:
    """End the fresh stack of a run, or leave it running where the run keeps it and return it then."""
    return None if wanted.settings.dev_stack else _lease(wanted, output).release(failed=failed)


def _warm_cluster_as(wanted: Wanted) -> Attached | None:
    """The warm cluster's stack, brought to what the run wants it to be or refused where it is other than that."""
    from pytest_plexdev.stack.kind.warm import attach as cluster

    settings = wanted.warm_cluster()
    info = cluster.attach(settings, _unheard)
    if info is None:
        return None
    drift = cluster.drift(settings, info) if settings.on_drift == "ignore" else ()
    return cluster_stack(info, settings, drift)


def _seeded_as(wanted: Wanted, found: Attached) -> Attached:
    """Plain processes seeded as the run wants them to be, or refused where they are not."""
    from pytest_plexdev.stack.embedded import seeding

    seed, answer = wanted.seed(), wanted.settings.on_drift
    if not seeding.differs(found.info, seed):
        return found
    if answer == "ignore":
        return replace(found, drift=("seed",))
    if answer == "fail":
        options = {name: value for name, value in found.info.options if name != "--seed"}
        up = up_command(options if seed is None else {**options, "--seed": str(seed)})
        raise PlexdevError(SEED_DRIFTED, seed=seed or "ours", up=up)
    return replace(found, info=seeding.apply(found.info, seed, timeout=wanted.settings.timeout))


def _lease(wanted: Wanted, output: Output) -> Lease:
    from pytest_plexdev.session.lease import Lease

    return Lease(
        run_directory=wanted.directory,
        provider_factory=wanted.fresh,
        keep=wanted.settings.keep,
        output=output,
    )


def _unheard(_: Event) -> None:
    """Nobody watches a bring-up within pytest: its output is captured, and the summary has the phases."""
