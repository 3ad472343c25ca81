"""Poll for a state that nothing reports: another program's port or log, Docker's view of a container.

Where something can be watched (an object of a cluster, a child process), watch it instead.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from pytest_plexdev.core.clock import monotonic

if TYPE_CHECKING:
    import tenacity

T = TypeVar("T")


def poll(
    look: Callable[[], T],
    *,
    until: Callable[[T], object] = bool,
    every_s: float,
    timeout_s: float = math.inf,
    retry_on: Callable[[BaseException], bool] | None = None,
) -> T:
    """Call *look* until *until* is true of its value or the time is up; return the last value.

    *look* is called at once, and once more after the time is up, so that a state that was reached meanwhile is seen.

    Args:
        until: The condition; by default that the value is true.
        every_s: Seconds between two calls.
        timeout_s: Time limit in seconds; unlimited by default.
        retry_on: The errors of *look* that do not end the polling. After the timeout the last one is raised.

    Raises:
        Cancelled: The scope of this thread was cancelled; see :func:`pytest_plexdev.core.cancellation.checkpoint`.
    """
    deadline = monotonic() + timeout_s
    try:
        if until(value := look()) or timeout_s <= 0:
            return value
    except Exception as error:
        if retry_on is None or not retry_on(error) or timeout_s <= 0:
            raise
    sleep(min(every_s, timeout_s))
    # Imported only now: most conditions are true at once, and the import takes 20 ms.
    import tenacity

    retry = tenacity.retry_if_result(lambda value: not until(value))
    return tenacity.Retrying(
        retry=tenacity.retry_any(retry, tenacity.retry_if_exception(retry_on)) if retry_on is not None else retry,
        stop=lambda _: monotonic() >= deadline,  # tenacity's own stops read a clock that tests freeze
        wait=lambda _: max(0.0, min(every_s, deadline - monotonic())),
        sleep=sleep,
        retry_error_callback=_last,
    )(look)


def _last(state: tenacity.RetryCallState) -> object:
    assert state.outcome is not None
    return state.outcome.result()


def sleep(seconds: float) -> None:
    """Sleep.

    Raises:
        Cancelled: The scope of this thread was cancelled.
    """
    from pytest_plexdev.core.cancellation import checkpoint

    checkpoint()
    time.sleep(seconds)
    checkpoint()
