"""The wrong user codes of the last minutes, shared by every API of the plane."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta

from plexsphere_reference.domain.guessing import WINDOW
from plexsphere_reference.store.database import Connection, Database


async def ages(database: Database, guessers: Collection[str]) -> Mapping[str, Sequence[timedelta]]:
    """How long ago each of *guessers* was wrong, the newest first; what lies before the window is left out."""
    rows = await database.fetch_all(
        "SELECT guesser, clock_timestamp() - guessed_at FROM plexsphere.wrong_user_codes"
        " WHERE guesser = ANY(%s) AND guessed_at > clock_timestamp() - %s ORDER BY guessed_at DESC",
        [list(guessers), WINDOW],
    )
    found: dict[str, list[timedelta]] = {}
    for guesser, age in rows:
        found.setdefault(guesser, []).append(age)
    return found


async def add(connection: Connection, guessers: Collection[str]) -> None:
    """Note a wrong code of *guessers*, and forget those before the window."""
    await connection.execute(
        "DELETE FROM plexsphere.wrong_user_codes WHERE guessed_at < clock_timestamp() - %s", [WINDOW]
    )
    await connection.execute(
        "INSERT INTO plexsphere.wrong_user_codes (guesser) SELECT unnest(%s::text[])", [list(guessers)]
    )
