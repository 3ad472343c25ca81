"""What a test that breaks its stack meets: a stack of others, a service that does not run or start, its own faults."""

from __future__ import annotations

from typing import Final

from pytest_plexdev.errors.base import Failure

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
