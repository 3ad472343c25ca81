"""The wrong user codes of the last minutes, shared by every API of the plane."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from weakref import WeakValueDictionary

from plexsphere_reference.rules.guessing import WINDOW
from plexsphere_reference.store.database import Database


class WrongUserCodes:
    """Who got user codes wrong, and when."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def turn(self, guessers: Collection[str]) -> AsyncIterator[None]:
        """Let each of *guessers* try one code at a time: of many at once all would find nothing noted yet."""
        async with AsyncExitStack() as stack:
            # Always in the same order, so that no two wait for each other.
            for guesser in sorted(guessers):
                lock = self._turns.setdefault(guesser, asyncio.Lock())
                await stack.enter_async_context(lock)
            yield

    async def ages(self, guessers: Collection[str]) -> Mapping[str, Sequence[timedelta]]:
        """How long ago each of *guessers* was wrong, the newest first; what lies before the window is left out."""
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
        """Note a wrong code of *guessers*, and forget those before the window."""
        async with self._database.transaction() as connection:
            await connection.execute(
                "DELETE FROM plexsphere.wrong_user_codes WHERE guessed_at < clock_timestamp() - %s", [WINDOW]
            )
            await connection.execute(
                "INSERT INTO plexsphere.wrong_user_codes (guesser) SELECT unnest(%s::text[])", [list(guessers)]
            )
