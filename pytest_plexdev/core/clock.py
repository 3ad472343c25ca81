"""Read the machine's clocks in a way that freezegun and similar libraries do not replace.

Timeouts and timestamps of plexdev continue while a test has frozen time.
"""

from __future__ import annotations

import time


def monotonic() -> float:
    """Return monotonic seconds."""
    return time.clock_gettime(time.CLOCK_MONOTONIC)


def unix_time() -> float:
    """Return the Unix time in seconds."""
    return time.clock_gettime(time.CLOCK_REALTIME)
