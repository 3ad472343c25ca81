"""Failures of a change of a running stack: a reset, or a restart of its services."""

from __future__ import annotations

from typing import Final

from pytest_plexdev.errors.base import Failure

RESTART_FAILED: Final = Failure(
    tag="restart-failed",
    what="{service} is not ready {seconds:.1f} s after its restart: {reason}",
    why="the other services of the stack were not changed; those that need {service} wait for it or fail",
    fix="{fix}",
)
NOT_OURS: Final = Failure(
    tag="not-ours",
    what="the running {provider} stack was not created by plexdev, so it was not changed: no {change}",
    why="{whose}; its data may be in use",
    fix="change it with the tool that created it: {command}; or bring up one of plexdev's own: plexdev up",
)
NO_SEEDED_COPY: Final = Failure(
    tag="no-seeded-copy",
    what="the seeded state of the kind cluster {name} cannot be brought back: {reason}",
    why="the bring-up that seeds a database keeps a copy in it, as the schema plexdev_seeded; nothing was changed",
    fix="seed a new database, which takes a copy too: {fix}",
)
STACK_IN_USE: Final = Failure(
    tag="stack-in-use",
    what="the running {provider} stack is used by {runs}, so it was not changed",
    why="{why}",
    fix="wait until it has ended{or_end}; then: {again}",
)
