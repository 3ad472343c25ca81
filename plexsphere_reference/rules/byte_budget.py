"""A byte-weighted quota: one token bucket per key."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Final

_MOST_KEYS: Final = 10_000
"""Above this number, full buckets are forgotten; a key without a bucket has a full one."""


class ByteBudget:
    """Token buckets that start full.

    Args:
        burst: Bytes of a full bucket.
        rate: Bytes per second that flow back.
        clock: Returns the time in seconds.
    """

    def __init__(self, *, burst: int, rate: float, clock: Callable[[], float]) -> None:
        self._burst = burst
        self._rate = rate
        self._clock = clock
        self._buckets: dict[Hashable, tuple[float, float]] = {}

    def wait_for(self, key: Hashable, amount: int) -> float:
        """Return the seconds until the bucket of *key* has *amount* bytes; 0 if it has them."""
        return max(0.0, (amount - self._level(key)) / self._rate)

    def take(self, key: Hashable, amount: int) -> None:
        """Take *amount* bytes, which :meth:`wait_for` found to be there."""
        if len(self._buckets) >= _MOST_KEYS:
            self._buckets = {each: bucket for each, bucket in self._buckets.items() if self._level(each) < self._burst}
        self._buckets[key] = (self._level(key) - amount, self._clock())

    def _level(self, key: Hashable) -> float:
        level, since = self._buckets.get(key, (float(self._burst), self._clock()))
        return min(self._burst, level + (self._clock() - since) * self._rate)
