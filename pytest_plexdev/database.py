"""The control plane's database, as a test reaches it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_plexdev.extras import need

if TYPE_CHECKING:
    import psycopg

    from pytest_plexdev.running import Stack


def connect(stack: Stack) -> psycopg.Connection[Any]:
    """A connection on which every statement commits by itself.

    Raises:
        PlexdevError: ``extra-missing``; what opening a way into a cluster can fail with.
    """
    # Who attaches needs no extra for anything else, and a way into the cluster is not opened in vain.
    need(stack.info.provider, "psycopg")
    import psycopg  # 200 ms: only a test that looks behind the contract pays it

    return psycopg.connect(stack.database_url, autocommit=True)
