"""Recent wrong user codes, stored in Postgres so that all API replicas share them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from weakref import WeakValueDictionary

from plexsphere_reference.rules.guessing import WINDOW
from plexsphere_reference.store.database import Database


class WrongUserCodes:
    """Failed attempts at user codes, by guesser and time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def turn(self, guessers: Collection[str]) -> AsyncIterator[None]:
        """Serialize the attempts of each guesser; concurrent ones would all pass the limit before any is counted."""
        async with AsyncExitStack() as stack:
            # Locked in sorted order to avoid a deadlock.
            for guesser in sorted(guessers):
                lock = self._turns.setdefault(guesser, asyncio.Lock())
                await stack.enter_async_context(lock)
            yield

    async def ages(self, guessers: Collection[str]) -> Mapping[str, Sequence[timedelta]]:
        """The age of each guesser's failed attempts within the window, newest first."""
        rows = await self._database.fetch_all(
            "SELECT guesser, clock_timestamp() - guessed_at FROM plexsphere.wrong_user_codes"
            " WHERE guesser = ANY(%s) AND guessed_at > clock_timestamp() - %s ORDER BY guessed_at DESC",
            [list(guessers), WINDOW],
        )
        found: dict[str, list[timedelta]] = {}
        for guesser, age in rows:
            found.setdefault(guesser, []).append(age)
        return found

    async def add(self, guessers: Collection[str]) -> None:
        """Record a failed attempt of *guessers* and delete those older than the window."""
        async with self._database.transaction() as connection:
            await connection.execute(
                "DELETE FROM plexsphere.wrong_user_codes WHERE guessed_at < clock_timestamp() - %s", [WINDOW]
            )
            await connection.execute(
                "INSERT INTO plexsphere.wrong_user_codes (guesser) SELECT unnest(%s::text[])", [list(guessers)]
            )
