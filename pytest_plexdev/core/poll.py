"""Poll for a state that nothing reports: another program's port or log, Docker's view of a container.

Where something can be watched (an object of a cluster, a child process), watch it instead.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from pytest_plexdev.core.cancellation import checkpoint

if TYPE_CHECKING:
    import tenacity

T = TypeVar("T")


def poll(
    until: Callable[[], T],
    *,
    every_s: float,
    timeout_s: float = math.inf,
    retry_on: Callable[[BaseException], bool] | None = None,
) -> T:
    """Call *until* until it returns a true value or the time is up; return its last value.

    *until* is called at once, and once more after the time is up, so a state that was reached meanwhile is seen.

    Args:
        every_s: Seconds between two calls.
        timeout_s: Seconds; unlimited by default.
        retry_on: Whether an error that *until* raised counts as a false value. The last one is raised.

    Raises:
        Cancelled: The scope of this thread was cancelled; see :func:`pytest_plexdev.core.cancellation.checkpoint`.
    """
    started = time.monotonic()
    try:
        if (value := until()) or timeout_s <= 0:
            return value
    except Exception as error:
        if retry_on is None or not retry_on(error) or timeout_s <= 0:
            raise
    _sleep(every_s)
    # Not before: most conditions are true at once, and the import takes 20 ms.
    import tenacity

    retry = tenacity.retry_if_result(lambda result: not result)
    return tenacity.Retrying(
        retry=tenacity.retry_any(retry, tenacity.retry_if_exception(retry_on)) if retry_on is not None else retry,
        stop=tenacity.stop_after_delay(timeout_s - (time.monotonic() - started)),
        wait=tenacity.wait_fixed(every_s),
        sleep=_sleep,
        retry_error_callback=_last,
    )(until)


def _last(state: tenacity.RetryCallState) -> object:
    assert state.outcome is not None
    return state.outcome.result()


def _sleep(seconds: float) -> None:
    checkpoint()
    time.sleep(seconds)
    checkpoint()
