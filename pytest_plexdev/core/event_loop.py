"""An asyncio event loop whose timeouts keep running while freezegun replaces ``time.monotonic``."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from pytest_plexdev.core.clock import monotonic

T = TypeVar("T")


class RealTimeEventLoop(asyncio.SelectorEventLoop):
    """asyncio's own loop with another clock."""

    def time(self) -> float:
        """Return monotonic seconds."""
        return monotonic()


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine as ``asyncio.run`` does, on this loop."""
    with asyncio.Runner(loop_factory=RealTimeEventLoop) as runner:
        return runner.run(main)
