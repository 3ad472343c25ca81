"""Stop a server on SIGTERM or SIGINT, and log which of them it was."""

from __future__ import annotations

import asyncio
import signal

from plexsphere_reference.log import log


def stop_on_signals() -> asyncio.Event:
    """An event that is set by the first of the signals. Call it inside the running loop."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, _stop, stop, number)
    return stop


def _stop(stop: asyncio.Event, number: signal.Signals) -> None:
    # A server that is stopped exits with 0: without this line nobody could tell that it was sent a signal.
    log("INFO", "stopping on signal", signal=number.name)
    stop.set()
