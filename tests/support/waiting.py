"""Wait for what another process does."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

from pytest_plexdev.core.poll import poll


def until(
    condition: Callable[[], object],
    *,
    within_s: float = 30.0,
    every_s: float = 0.02,
    running: subprocess.Popen[Any] | None = None,
) -> None:
    """Poll a condition; fail if it does not come true in time.

    Args:
        within_s: The time limit in seconds.
        every_s: Seconds between two looks; more where a look is expensive.
        running: A process without which it cannot come true: fail once it has ended.
    """

    def holds() -> object:
        assert running is None or running.poll() is None, running.communicate()
        return condition()

    assert poll(holds, every_s=every_s, timeout_s=within_s), "it did not come true in time"
