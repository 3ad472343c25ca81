"""Background tasks end, whatever their libraries do with a cancellation."""

from __future__ import annotations

import asyncio
import contextlib
import time

from plexsphere_reference.stop_tasks import stop_tasks


async def stop_running(*tasks: asyncio.Task[None]) -> float:
    """Stop tasks that run; return how many seconds that took."""
    await asyncio.sleep(0)
    began = time.monotonic()
    async with asyncio.timeout(10):
        await stop_tasks(tasks)
    return time.monotonic() - began


async def reconnect_forever() -> None:
    """Like NATS's client, whose attempt fails at the moment of the cancellation."""
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.sleep(60)
    await asyncio.sleep(60)


def test_a_task_that_loses_its_cancellation_ends() -> None:
    async def stop() -> list[bool]:
        tasks = [asyncio.create_task(reconnect_forever()), asyncio.create_task(asyncio.sleep(60))]
        await stop_running(*tasks)
        return [task.cancelled() for task in tasks]

    assert asyncio.run(stop()) == [True, True]


def test_a_task_may_clean_up() -> None:
    done = []

    async def clean_up_at_the_end() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.3)
            done.append("cleaned up")

    async def stop() -> float:
        return await stop_running(asyncio.create_task(clean_up_at_the_end()))

    assert asyncio.run(stop()) < 1
    assert done == ["cleaned up"]


def test_a_task_that_failed_is_no_failure_of_the_end() -> None:
    async def fail() -> None:
        raise OSError("NATS is away")

    async def stop() -> float:
        return await stop_running(asyncio.create_task(fail()))

    assert asyncio.run(stop()) < 1
