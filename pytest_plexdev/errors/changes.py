"""Failures of a change of a running stack: a reset, a restart of its services, or a fault that a test causes."""

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
STACK_SHARED: Final = Failure(
    tag="stack-shared",
    what="{verb} is refused: this stack serves {shared}",
    why="their tests would fail too, without showing the reason",
    fix="request plexdev_own_stack in place of plexdev_stack; it starts a stack for one test, which may break it",
)
OWN_STACK_UNSUPPORTED: Final = Failure(
    tag="own-stack-unsupported",
    what="plexdev_own_stack starts no {provider} stack for one test",
    why="only a stack of processes starts fast enough for that, and has a supervisor that breaks its services",
    fix="run the test on such a stack: pytest --plexdev-stack={supported}",
)
SERVICE_ENDED: Final = Failure(
    tag="service-ended",
    what="{service} cannot be {done}, because it does not run",
    why="the test has killed it, or it has ended by itself",
    fix='start it first: plexdev_own_stack.restart("{service}")',
)
FAULT_IN_FORCE: Final = Failure(
    tag="fault-in-force",
    what="a request got no answer while the test has broken {faults}",
    why="the API needs these services, or is one of them",
    fix="expect this error, or undo the fault before the request: `with stack.pause(...):`, or fault.undo()",
)
