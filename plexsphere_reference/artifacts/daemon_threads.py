"""Run blocking calls beside the event loop, without waiting for them when the program ends."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

Result = TypeVar("Result")


class DaemonThreads:
    """Runs each call in a daemon thread, at most *most* at a time.

    asyncio's own threads are joined at exit, so a server that hangs would delay it by the timeout of a read.
    """

    def __init__(self, most: int) -> None:
        self._free = asyncio.Semaphore(most)

    async def run(self, call: Callable[[], Result]) -> Result:
        """Return the result of *call*, or raise its exception. If this is cancelled, the thread ends by itself."""
        await self._free.acquire()
        loop = asyncio.get_running_loop()
        outcome: Future[Result] = Future()
        outcome.set_running_or_notify_cancel()

        def work() -> None:
            try:
                outcome.set_result(call())
            except Exception as error:
                outcome.set_exception(error)
            with contextlib.suppress(RuntimeError):  # The loop is closed, so nobody waits.
                loop.call_soon_threadsafe(self._free.release)

        try:
            threading.Thread(target=work, daemon=True).start()
        except RuntimeError:
            self._free.release()
            raise
        return await asyncio.wrap_future(outcome)
