"""Record the last use of API tokens in the background, so that no request waits for the write."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final
from uuid import UUID

from plexsphere_reference.log import log
from plexsphere_reference.store.database import Database, DatastoreUnavailable


class TokenUse:
    """Writes ``last_used_at`` in the background, at most once a minute per token.

    Args:
        clock: A monotonic clock in seconds.
    """

    _EVERY: Final = 60.0
    _MOST_REMEMBERED: Final = 10_000

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._noted: dict[UUID, float] = {}
        self._pending: set[UUID] = set()
        self._writer: asyncio.Task[None] | None = None

    def note(self, token_id: UUID) -> None:
        """Schedule the write of a use that happened now."""
        now = self._clock()
        if now - self._noted.get(token_id, -self._EVERY) < self._EVERY:
            return
        if len(self._noted) >= self._MOST_REMEMBERED:
            self._noted.clear()
        self._noted[token_id] = now
        self._pending.add(token_id)
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())

    async def _write(self) -> None:
        try:
            while self._pending:
                used, self._pending = self._pending, set()
                await self._database.execute(
                    "UPDATE plexsphere.api_tokens SET last_used_at = now() WHERE id = ANY(%s)"
                    " AND (last_used_at IS NULL OR last_used_at < now() - interval '50 seconds')",
                    [list(used)],
                )
        except DatastoreUnavailable as error:
            log("WARN", "last use of tokens not written", reason=error)
        finally:
            self._writer = None
