"""``wait-for-migrate``: wait until every migration that this program knows is applied.

Runs as an init container (runbook, startup order). Logs what it waits for only when that changes.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Final, TypeAlias

import psycopg
from psycopg.conninfo import conninfo_to_dict

from plexsphere_reference.log import log
from plexsphere_reference.migrate import migrations
from plexsphere_reference.settings import Settings

_PAUSE: Final = 0.1
"""Seconds between two checks. Short, because the start of the stack waits for this program."""
_CONNECT_TIMEOUT: Final = 3
_TERMINATED: Final = 143

_Connection: TypeAlias = psycopg.Connection[tuple[int]]


def main(settings: Settings, *, pause: Callable[[float], None] = time.sleep) -> int:
    """Wait without a time limit. Returns 0 once migrated; on SIGTERM the program exits with 143."""
    # As PID 1 of a container, the process ignores signals that it does not handle.
    signal.signal(signal.SIGTERM, _terminated)
    known = {migration.number for migration in migrations()}
    endpoint = _endpoint(settings.database_url)
    last_missing = ""
    with _MigrationReader(settings.database_url) as reader:
        while (missing := reader.missing(known)) != "":
            if missing != last_missing:
                log("INFO", "waiting for migrations", endpoint=endpoint, state=missing)
                last_missing = missing
            pause(_PAUSE)
    log("INFO", "migrations are applied", endpoint=endpoint, version=max(known))
    return 0


class _MigrationReader:
    """Reads the applied migrations over one connection, and reconnects if it breaks."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: _Connection | None = None

    def __enter__(self) -> _MigrationReader:
        return self

    def __exit__(self, *_: object) -> None:
        self._disconnect()

    def missing(self, known: set[int]) -> str:
        """Return a description of what is missing; empty if nothing is."""
        try:
            absent = known - self._applied()
        except psycopg.OperationalError as error:
            self._disconnect()
            return _first_line(error) or "Postgres does not answer"
        return f"{len(known) - len(absent)} of {len(known)} applied" if absent else ""

    def _applied(self) -> set[int]:
        if self._connection is None:
            self._connection = psycopg.connect(self._url, autocommit=True, connect_timeout=_CONNECT_TIMEOUT)
        try:
            return {row[0] for row in self._connection.execute("SELECT number FROM plexsphere.schema_migrations")}
        except psycopg.errors.UndefinedTable:
            return set()

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _endpoint(url: str) -> str:
    # Omit user and password.
    parts = conninfo_to_dict(url)
    return f"{parts.get('host', 'localhost')}:{parts.get('port', 5432)}"


def _first_line(error: psycopg.Error) -> str:
    return str(error).strip().partition("\n")[0]


def _terminated(_number: int, _frame: FrameType | None) -> None:
    sys.exit(_TERMINATED)
