"""Evaluates reachability: at the next deadline in the background, and whenever somebody reads."""

from __future__ import annotations

import asyncio

from plexsphere_reference.store.database import Database


class Evaluator:
    """Filled by the nodes surface."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def run(self) -> None:
        await asyncio.Event().wait()
