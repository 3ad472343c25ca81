"""Connect a test to the control plane's database."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from pytest_plexdev.core.extras import need

if TYPE_CHECKING:
    import psycopg

    from pytest_plexdev.testkit.stack import Stack


_ENVIRONMENT: Final = threading.Lock()


def connect(stack: Stack) -> psycopg.Connection[Any]:
    """A connection on which every statement commits by itself, to the stack's database whatever the user's libpq says.

    Raises:
        PlexdevError: ``extra-missing``; what opening a way into a cluster can fail with.
    """
    # Who attaches needs no extra for anything else, and a way into the cluster is not opened in vain.
    need(stack.info.provider, "psycopg")
    import psycopg  # 200 ms: only a test that looks behind the contract pays it

    url = stack.database_url
    with _no_libpq_variables():
        return psycopg.connect(url, autocommit=True)


def libpq_variables() -> list[str]:
    """The variables of this process that libpq may read: they change where and how it connects."""
    return [name for name in os.environ if name.startswith("PG")]


@contextlib.contextmanager
def _no_libpq_variables() -> Iterator[None]:
    """Hide the variables that libpq reads: no option of a connection leaves out a ``PGSERVICE`` or a ``PGTZ``."""
    with _ENVIRONMENT:
        hidden = {name: os.environ.pop(name) for name in libpq_variables()}
        try:
            yield
        finally:
            os.environ.update(hidden)
