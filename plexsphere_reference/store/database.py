"""The pool of connections, and the one error that says Postgres is not there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, LiteralString, TypeAlias

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout

Connection: TypeAlias = psycopg.AsyncConnection[tuple[Any, ...]]
Row: TypeAlias = tuple[Any, ...]

_WAIT_FOR_CONNECTION: Final = 2.0
"""Seconds a request waits for Postgres before it is told that the datastore is unavailable."""


class DatastoreUnavailable(Exception):
    """Postgres does not answer, or went away in the middle: nothing of this request is acknowledged."""


class Database:
    """Runs statements over a pool. It opens without waiting: a Postgres that comes later is fine."""

    def __init__(self, url: str, *, most_connections: int = 10) -> None:
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
        await self._pool.open(wait=False)

    async def close(self) -> None:
        await self._pool.close(timeout=0.2)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection in autocommit mode.

        Raises:
            DatastoreUnavailable: None could be had, or it broke while it was in use.
        """
        try:
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

    async def fetch_all(self, query: LiteralString, params: Sequence[object] = ()) -> list[Row]:
        async with self.connection() as connection:
            return await (await connection.execute(query, params)).fetchall()

    async def fetch_one(self, query: LiteralString, params: Sequence[object] = ()) -> Row | None:
        async with self.connection() as connection:
            return await (await connection.execute(query, params)).fetchone()

    async def execute(self, query: LiteralString, params: Sequence[object] = ()) -> int:
        """Run a statement and return how many rows it touched."""
        async with self.connection() as connection:
            return (await connection.execute(query, params)).rowcount
