"""Which stack a run gets: a fresh one that its processes lease together, or the warm one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_plexdev.errors import NOT_IN_THIS_VERSION, STACK_MISSING, PlexdevError
from pytest_plexdev.stack.model import Event, Provider, StackInfo

if TYPE_CHECKING:
    from pytest_plexdev.lease import Lease
    from pytest_plexdev.run import Run

EMBEDDED_INSTEAD: Final = "pytest --plexdev-stack=embedded, which is the default and needs no cluster"


@dataclass(frozen=True)
class Attached:
    """A stack, and who can say its state."""

    provider: Provider
    info: StackInfo


def stack_for(run: Run) -> Attached:
    """The stack of a run: the warm one where the run asks for it, else a fresh one that it leases.

    Raises:
        PlexdevError: There is no such stack, or it did not come up.
    """
    settings = run.settings
    if settings.dev_stack:
        return warm(settings.chosen_stack)
    refuse_clusters(settings.stack)
    lease = _lease(run)
    return Attached(_embedded(run, run.directory), lease.acquire(_unheard))


def warm(chosen: str | None = None, *, directory: Path | None = None) -> Attached:
    """The stack that ``plexdev up`` left running; found by files and sockets alone.

    Args:
        directory: Of another stack that runs: one that a test run kept.

    Raises:
        PlexdevError: ``stack-missing``.
    """
    from pytest_plexdev.stack.embedded.warm import find_in, warm_directory

    refuse_clusters(chosen)
    place = directory or warm_directory()
    info = find_in(place)
    if info is None:
        raise PlexdevError(STACK_MISSING, looked_for=f"an embedded stack in {place}")
    from pytest_plexdev.stack.embedded import EmbeddedProvider, EmbeddedSettings

    return Attached(EmbeddedProvider(EmbeddedSettings(id=info.id), info.directory), info)


def give_back(run: Run) -> StackInfo | None:
    """End the fresh stack of a run, or leave it running where the run keeps it and return it then."""
    return None if run.settings.dev_stack else _lease(run).release(failed=run.failed)


def _lease(run: Run) -> Lease:
    from pytest_plexdev.lease import Lease

    return Lease(
        run_directory=run.directory,
        provider_factory=partial(_embedded, run),
        keep=run.settings.keep,
        output=run.settings.output,
    )


def _embedded(run: Run, directory: Path) -> Provider:
    from pytest_plexdev.stack.embedded import EmbeddedProvider, EmbeddedSettings, ProcessId

    settings = EmbeddedSettings(
        id=run.directory.name,
        owner=ProcessId.of(run.controller_pid),
        prefer=run.settings.prefer,
        timeout=run.settings.timeout,
        run_directory=run.directory,
        seed=run.seed(),
    )
    return EmbeddedProvider(settings, directory)


def _unheard(_: Event) -> None:
    """Nobody watches a bring-up within pytest: its output is captured, and the summary has the phases."""


def refuse_clusters(stack: str | None) -> None:
    """Refuse the stacks that a later version brings.

    Raises:
        PlexdevError: ``not-in-this-version``.
    """
    if stack in {"kind", "attached"}:
        raise PlexdevError(
            NOT_IN_THIS_VERSION,
            what=f"--plexdev-stack={stack}",
            why="it runs the embedded stack; stacks in a Kubernetes cluster come with a later version",
            instead=EMBEDDED_INSTEAD,
        )
