"""The connection pool, and the error for an unavailable Postgres."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, LiteralString, TypeAlias

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from plexsphere_reference.log import log

Connection: TypeAlias = psycopg.AsyncConnection[tuple[Any, ...]]
Row: TypeAlias = tuple[Any, ...]

_WAIT_FOR_CONNECTION: Final = 2.0
"""Seconds that a request waits for Postgres before it fails with :class:`DatastoreUnavailable`."""


_FIRST_PAUSE: Final = 0.005
_LONGEST_PAUSE: Final = 0.25


class DatastoreUnavailable(Exception):
    """Postgres does not answer, or the connection broke; nothing of the request was acknowledged."""


class Database:
    """Runs statements over a pool. Postgres may start later or come back after an outage."""

    def __init__(self, url: str, *, most_connections: int = 10) -> None:
        self._url = url
        self._opening: asyncio.Task[None] | None = None
        self._pool = AsyncConnectionPool[Connection](
            url,
            min_size=2,
            max_size=most_connections,
            open=False,
            timeout=_WAIT_FOR_CONNECTION,
            reconnect_timeout=5.0,
            kwargs={"autocommit": True, "prepare_threshold": 2, "connect_timeout": 3, "options": "-c TimeZone=UTC"},
            name="plexsphere",
        )

    async def open(self) -> None:
        """Start to open the pool in the background and return; it opens once Postgres answers."""
        self._opening = asyncio.create_task(self._open_when_it_answers())

    async def opened(self) -> None:
        """Wait until Postgres has answered for the first time."""
        assert self._opening is not None
        await asyncio.shield(self._opening)

    async def close(self) -> None:
        if self._opening is not None:
            self._opening.cancel()
        await self._pool.close(timeout=0.2)

    async def _opened_in_time(self) -> None:
        if self._opening is None:
            raise DatastoreUnavailable("the database is not open")
        if not self._opening.done():
            await asyncio.wait({self._opening}, timeout=_WAIT_FOR_CONNECTION)
        if not self._opening.done():
            raise DatastoreUnavailable("Postgres has not answered yet")
        if self._opening.cancelled():
            raise DatastoreUnavailable("the database was closed before Postgres answered")

    async def _open_when_it_answers(self) -> None:
        # The pool waits a second after its first failure; at boot Postgres is a few milliseconds late.
        pause = _FIRST_PAUSE
        while refusal := await self._refusal():
            await asyncio.sleep(pause)
            if pause < _LONGEST_PAUSE <= pause * 1.5:
                log("WARN", "waiting for Postgres", reason=refusal)
            pause = min(pause * 1.5, _LONGEST_PAUSE)
        await self._pool.open(wait=False)

    async def _refusal(self) -> str:
        try:
            await (await psycopg.AsyncConnection.connect(self._url, connect_timeout=3)).close()
        except psycopg.OperationalError as error:
            return str(error)
        return ""

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection in autocommit mode.

        Raises:
            DatastoreUnavailable: None could be had, or it broke while it was in use.
        """
        try:
            await self._opened_in_time()
            async with self._pool.connection() as connection:
                yield connection
        except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout) as error:
            if isinstance(error, (psycopg.errors.LockNotAvailable, psycopg.errors.SerializationFailure)):
                raise
            raise DatastoreUnavailable(str(error)) from error

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection inside a transaction: committed at the end, rolled back on any exception."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Connection]:
        """A read-only connection whose statements all see one snapshot of the database."""
        async with self.transaction() as connection:
            await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield connection

    async def fetch_all(self, query: LiteralString, params: Sequence[object] = ()) -> list[Row]:
        async with self.connection() as connection:
            return await (await connection.execute(query, params)).fetchall()

    async def fetch_one(self, query: LiteralString, params: Sequence[object] = ()) -> Row | None:
        async with self.connection() as connection:
            return await (await connection.execute(query, params)).fetchone()

    async def execute(self, query: LiteralString, params: Sequence[object] = ()) -> int:
        """Run a statement and return the number of affected rows."""
        async with self.connection() as connection:
            return (await connection.execute(query, params)).rowcount
