"""Stop a server on SIGTERM or SIGINT, and log the signal."""

from __future__ import annotations

import asyncio
import signal

from plexsphere_reference.log import log


def stop_on_signals() -> asyncio.Event:
    """Return an event that the first signal sets. Call this inside the running loop."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, _stop, stop, number)
    return stop


def _stop(stop: asyncio.Event, number: signal.Signals) -> None:
    # A stopped server exits with 0, so only this line shows that it received a signal.
    log("INFO", "stopping on signal", signal=number.name)
    stop.set()
