"""What a test asks of its stack and does not get, and the files of a run that cannot be read or written."""

from __future__ import annotations

from typing import Final

from pytest_plexdev.errors.base import Failure

OTHER_STACK: Final = Failure(
    tag="other-stack",
    what="the stack is {provider}, and the test needs {wanted}",
    why="its marker plexdev_needs names that kind of stack",
    fix="pytest --plexdev-stack={wanted}; for --dev-stack: {up}, then pytest --dev-stack --plexdev-stack={wanted}",
)
STAND_IN: Final = Failure(
    tag="stand-in",
    what="{service} is a stand-in for {product} in this stack",
    why="no program {service} was on PATH when the stack started, or --plexdev-prefer=stand-in was set",
    fix="put {service} on PATH and pytest --plexdev-prefer=real; in a container: pytest --plexdev-stack=kind; for "
    "--dev-stack: plexdev up --stack kind",
)
CAPABILITY_MISSING: Final = Failure(
    tag="capability-missing",
    what="the stack does not have the capability {capability}",
    why="it is an act behind the contract, and known of the reference plane only",
    fix="run it on the reference plane: pytest; for --dev-stack: plexdev up",
)
USERS_FIXED: Final = Failure(
    tag="users-fixed",
    what="the identity provider of this stack ({provider}) creates no users, and has no {user}",
    why="Dex's gRPC API is enabled on stacks of plexdev, and this one is not, or has an overlay without the Service "
    "dex-api",
    fix="pass the address of a user that it has, {users}; or run it on a stack of plexdev's own: pytest; for "
    "--dev-stack: plexdev up",
)
NODE_STATE: Final = Failure(
    tag="node-state",
    what="the Node {node} was {state}, not {wanted}, after {seconds:g} s",
    why="by its Domain's policy a Node is stale {stale_after} after its last heartbeat, and unreachable after "
    "{unreachable_after}",
    fix="{fix}",
)
EVENTS_UNREADABLE: Final = Failure(
    tag="events-unreadable",
    what="{path} cannot be read as the events of a run: {reason}",
    why="pytest writes events.jsonl to its output directory, .plexdev by default, if a test requests the stack or with "
    "--plexdev-report",
    fix="name such a file: plexdev report .plexdev/events.jsonl",
)
REPORT_UNWRITABLE: Final = Failure(
    tag="report-unwritable",
    what="the report is not written to {path}: {reason}",
    why="an existing file is replaced only if it is a report of plexdev, and only the last directory is created",
    fix="name another file: plexdev report -o report.html",
)
