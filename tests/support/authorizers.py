"""Authorizers over Postgres and over SpiceDB, and databases that count statements."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeAlias

from plexsphere_reference.authz.model import Authorizer
from plexsphere_reference.store.database import Database

Open: TypeAlias = Callable[[str, str], Awaitable[Authorizer]]
SPICEDB_START: Final = 15


class CountingDatabase(Database):
    """A database that counts the statements of its readers and the returned rows."""

    statements = 0
    rows = 0

    async def fetch_all(self, query: Any, params: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        self.statements += 1
        found = await super().fetch_all(query, params)
        self.rows += len(found)
        return found
