"""Poll for the token of a device code (RFC 8628 §3.4, with the control plane's problem codes)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import tenacity

from pytest_plexdev.api import Client
from pytest_plexdev.api.auth import AccessToken, DeviceCode
from pytest_plexdev.api.problems import ProblemError
from pytest_plexdev.core.clock import monotonic
from pytest_plexdev.core.poll import sleep
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.sign_in import DEVICE_CODE_EXPIRED, DEVICE_CODE_REFUSED

SLOW_DOWN: Final = 5.0
"""Seconds that each ``slow_down`` adds to the interval permanently (RFC 8628 §3.5)."""


class DevicePoll:
    """Polls for the token of a device code until it is approved.

    Args:
        client: The API without credentials.
        clock: Returns monotonic time in seconds.
        sleep: Sleeps for a number of seconds.
    """

    def __init__(
        self,
        client: Client,
        *,
        clock: Callable[[], float] = monotonic,
        sleep: Callable[[float], None] = sleep,
    ) -> None:
        self._client = client
        self._clock = clock
        self._sleep = sleep

    def wait(self, device: DeviceCode) -> AccessToken:
        """Poll at once, then every ``interval`` seconds, and return the token.

        Each ``slow_down`` adds 5 s to the interval. A response of a proxy (429 or 5xx) is retried like a pending one.

        Raises:
            PlexdevError: ``device-code-expired``, ``device-code-refused``.
        """
        interval = float(device.interval)
        deadline = self._clock() + device.expires_in

        def pause(state: tenacity.RetryCallState) -> float:
            nonlocal interval
            error = state.outcome.exception() if state.outcome else None
            if isinstance(error, ProblemError) and error.code == "slow_down":
                interval += SLOW_DOWN
            return interval

        def is_past_deadline(state: tenacity.RetryCallState) -> bool:
            return self._clock() + state.upcoming_sleep > deadline

        polling = tenacity.Retrying(
            retry=tenacity.retry_if_exception(_is_pending),
            wait=pause,
            stop=is_past_deadline,
            sleep=self._sleep,
            reraise=True,
        )
        try:
            return polling(self._client.auth.device_token, device.device_code)
        except ProblemError as error:
            raise _final_error(device, error) from error


def _is_pending(error: BaseException) -> bool:
    if not isinstance(error, ProblemError):
        return False
    return error.code in {"authorization_pending", "slow_down"} or error.status == 429 or error.status >= 500


def _final_error(device: DeviceCode, error: ProblemError) -> PlexdevError:
    if error.code == "expired_token" or _is_pending(error):
        return PlexdevError(
            DEVICE_CODE_EXPIRED,
            user_code=device.user_code,
            seconds=device.expires_in,
            reason=f"the last answer was {error.status} {error.code or error.detail}",
        )
    reason = error.code or f"{error.status} {error.detail}"
    return PlexdevError(DEVICE_CODE_REFUSED, user_code=device.user_code, reason=reason)
