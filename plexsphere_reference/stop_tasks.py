"""Stop the background tasks of a program."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any, Final

_REPEAT_S: Final = 1.0
"""Longer than a task needs to clean up: a second cancellation would interrupt that."""


async def stop_tasks(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancel *tasks* and wait until they have ended.

    A task may lose a cancellation: ``asyncio.wait_for`` of Python 3.11 returns its result instead, if that comes at the
    same moment. Clients that connect again and again, like NATS's, would then go on forever.
    """
    running = set(tasks)
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=_REPEAT_S)
    await asyncio.gather(*tasks, return_exceptions=True)
