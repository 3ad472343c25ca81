"""The machine's clocks, read in a way that libraries which freeze time for a test (freezegun) do not replace.

Our own timeouts and timestamps go on while a test's time stands still.
"""

from __future__ import annotations

import time


def monotonic() -> float:
    """Seconds that only go forward."""
    return time.clock_gettime(time.CLOCK_MONOTONIC)


def unix_time() -> float:
    """Unix time in seconds."""
    return time.clock_gettime(time.CLOCK_REALTIME)
