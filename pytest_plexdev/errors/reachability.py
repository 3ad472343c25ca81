"""A Node that does not get into the state that a test waits for. Facts: ``node``, ``wanted``, ``state``, the policy."""

from __future__ import annotations

from typing import Final

from pytest_plexdev.errors.base import Failure

NODE_STATE: Final = Failure(
    tag="node-state",
    what="the Node {node} was {state}, not {wanted}, after {seconds:g} s",
    why="by its Domain's policy a Node is stale {stale_after} after its last heartbeat, and unreachable after "
    "{unreachable_after}",
    fix="{fix}",
)
