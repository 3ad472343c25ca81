"""Change when a Node's last heartbeat was, in the database of the reference plane."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, LiteralString

from pytest_plexdev.core.lookup import unknown_name

if TYPE_CHECKING:
    from pytest_plexdev.testkit.stack import Stack

CAPABILITY: Final = "age-heartbeat"
"""Of a stack with the reference plane, whose tables are known."""

# By the database's clock, which decides about the deadlines too.
_OF_POLICY: Final[Mapping[str, LiteralString]] = {
    "stale": "UPDATE plexsphere.nodes n SET last_heartbeat_at = now() - d.stale_after"
    " FROM plexsphere.domains d WHERE d.id = n.domain_id AND n.id = %s",
    "unreachable": "UPDATE plexsphere.nodes n SET last_heartbeat_at = now() - d.unreachable_after"
    " FROM plexsphere.domains d WHERE d.id = n.domain_id AND n.id = %s",
}
_OF_SECONDS: Final = "UPDATE plexsphere.nodes SET last_heartbeat_at = now() - make_interval(secs => %s) WHERE id = %s"


def age_until(stack: Stack, node_id: str, state: str) -> None:
    """Make the last heartbeat so old that the Node is due to be in *state*.

    Raises:
        PlexdevError: ``unknown-name``: silence does not lead to this state; the errors of a connection.
    """
    if state not in _OF_POLICY:
        raise unknown_name("a silent Node", "state", state, list(_OF_POLICY))
    _execute(stack, _OF_POLICY[state], node_id)


def age_by(stack: Stack, node_id: str, seconds: float) -> None:
    """Make the last heartbeat this old."""
    _execute(stack, _OF_SECONDS, seconds, node_id)


def _execute(stack: Stack, statement: LiteralString, *parameters: object) -> None:
    from pytest_plexdev.testkit.database import connect

    with connect(stack) as connection:
        connection.execute(statement, parameters)
