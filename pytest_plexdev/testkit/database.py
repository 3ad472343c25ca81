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
    """Open an autocommit connection to the stack's database. libpq's environment variables are ignored.

    Raises:
        PlexdevError: ``extra-missing``; any error of a port-forward into a cluster.
    """
    # Checked here, because attaching needs no extra, and before a port-forward is opened.
    need(stack.info.provider, "psycopg")
    import psycopg  # lazy: takes 200 ms

    url = stack.database_url
    with _no_libpq_variables():
        return psycopg.connect(url, autocommit=True)


def libpq_variables() -> list[str]:
    """Return the names of this process's variables that libpq reads, which change where and how it connects."""
    return [name for name in os.environ if name.startswith("PG")]


@contextlib.contextmanager
def _no_libpq_variables() -> Iterator[None]:
    """Hide the variables that libpq reads, because no connection option disables ``PGSERVICE`` or ``PGTZ``."""
    with _ENVIRONMENT:
        hidden = {name: os.environ.pop(name) for name in libpq_variables()}
        try:
            yield
        finally:
            os.environ.update(hidden)
