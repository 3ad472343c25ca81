"""Wait until a value is as expected, and report each value that was seen if it never is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from pytest_plexdev.core.clock import monotonic
from pytest_plexdev.core.poll import poll
from pytest_plexdev.masking.rule import mask

T = TypeVar("T")

_SHORTEST_PAUSE_S: Final = 0.2
_READINGS: Final = 40
"""Number of calls in a long wait: fewer than the exchanges that are kept, which also have those before the wait."""
_SHOWN_CHARACTERS: Final = 300
_SHOWN_AT_EACH_END: Final = 10
"""Number of changes that are shown from the beginning, and from the end."""


@dataclass(frozen=True)
class _Raised:
    """An ignored error, in place of a value."""

    error: Exception


class History:
    """The values that were seen while waiting, and when each was seen first.

    Attributes:
        count: The number of values, repeated ones included.
    """

    def __init__(self) -> None:
        self.count = 0
        self._began = monotonic()
        self._changes: list[tuple[float, str]] = []

    def add(self, value: T) -> T:
        """Add a value, and return it. If it prints like the one before, it is counted only."""
        self.count += 1
        text = _shown(value)
        if not self._changes or self._changes[-1][1] != text:
            self._changes.append((monotonic() - self._began, text))
        return value

    def __str__(self) -> str:
        lines = [f"{seconds:6.1f} s  {text}" for seconds, text in self._changes]
        hidden = len(lines) - 2 * _SHOWN_AT_EACH_END
        if hidden > 0:
            lines[_SHOWN_AT_EACH_END:-_SHOWN_AT_EACH_END] = [f"          … {hidden} more changes …"]
        return "\n".join(lines)


def eventually(
    read: Callable[[], T],
    *,
    within: float,
    until: Callable[[T], object] | T = bool,
    every: float | None = None,
    ignoring: type[Exception] | tuple[type[Exception], ...] = (),
) -> T:
    """Call *read* until its value is as expected, and return that value.

    If it is not in time, the assertion error lists each value that was seen, and after how many seconds. So return the
    value itself, not whether it is right.

    Args:
        read: Returns the present value.
        within: Time limit in seconds.
        until: The expected value, or a function that returns whether a value is right; by default any true one is.
        every: Seconds between two calls; by default 0.2, and more in a wait of over 8 seconds.
        ignoring: The errors of *read* that do not end the wait, ``ProblemError`` for example. They are listed too.

    Raises:
        AssertionError: The value was not as expected in time.

    Example::

        from pytest_plexdev import eventually

        def test_a_node_becomes_healthy(plexdev_node):
            plexdev_node.heartbeat()
            eventually(plexdev_node.reachability, until="healthy", within=5)
    """
    __tracebackhide__ = True
    history = History()

    def observe() -> tuple[T | _Raised, bool]:
        try:
            value = history.add(read())
        except ignoring as error:
            return history.add(_Raised(error)), False
        return value, bool(until(value) if callable(until) else value == until)

    every_s = every or pause_of(within)
    value, is_right = poll(observe, until=lambda reading: reading[1], every_s=every_s, timeout_s=within)
    if isinstance(value, _Raised):
        raise AssertionError(_complaint(until, within, history)) from value.error
    if not is_right:
        raise AssertionError(_complaint(until, within, history))
    return value


def pause_of(within: float) -> float:
    """The default pause between two calls in a wait with this time limit, both in seconds."""
    return max(_SHORTEST_PAUSE_S, within / _READINGS)


def _complaint(until: object, within: float, history: History) -> str:
    expected = "true" if until is bool else "as expected" if callable(until) else _shown(until)
    return f"the value was not {expected} within {within:g} s ({history.count} readings):\n{history}"


def _shown(value: object) -> str:
    try:
        text = f"raised {type(value.error).__name__}: {value.error}" if isinstance(value, _Raised) else repr(value)
    except Exception as error:
        text = f"a {type(value).__name__} that cannot be printed: {type(error).__name__}"
    masked = " ".join(mask(text).split())
    return masked if len(masked) <= _SHOWN_CHARACTERS else f"{masked[:_SHOWN_CHARACTERS]}…"
