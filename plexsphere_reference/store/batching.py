"""Combine concurrent look-ups into one SQL statement."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class Batcher(Generic[Key, Value]):
    """Looks up single keys through a function that loads many at once.

    One call of ``load`` runs at a time; keys that arrive meanwhile form the next batch. An idle server answers
    immediately and a busy one runs few statements. Results are not cached: a token that was revoked before the
    request arrived is seen as revoked.

    Args:
        load: Takes keys (they may repeat) and returns their values in the same order.
        most: How many keys one call takes.
    """

    def __init__(self, load: Callable[[Sequence[Key]], Awaitable[Sequence[Value]]], *, most: int = 128) -> None:
        self._load = load
        self._most = most
        self._waiting: list[tuple[Key, asyncio.Future[Value]]] = []
        self._runner: asyncio.Task[None] | None = None

    async def __call__(self, key: Key) -> Value:
        answer: asyncio.Future[Value] = asyncio.get_running_loop().create_future()
        self._waiting.append((key, answer))
        if self._runner is None:
            self._runner = asyncio.create_task(self._run())
        return await answer

    async def _run(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
                await self._answer(batch)
        finally:
            self._runner = None

    async def _answer(self, batch: Sequence[tuple[Key, asyncio.Future[Value]]]) -> None:
        try:
            values = await self._load([key for key, _ in batch])
        except Exception as error:
            for _, answer in batch:
                if not answer.done():
                    answer.set_exception(error)
            return
        for (_, answer), value in zip(batch, values, strict=True):
            if not answer.done():  # its request was cancelled
                answer.set_result(value)
