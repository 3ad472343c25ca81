"""Call back from the event loop when a process has ended: by its pidfd, or by polling if it has none."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from pytest_plexdev.core.process_id import POLL_INTERVAL_S, ProcessHandle


def call_at_end(handle: ProcessHandle, callback: Callable[[], None]) -> None:
    """Close *handle* and call *callback* once when the process has ended. Must be called inside the running loop."""
    loop = asyncio.get_running_loop()

    def ended() -> None:
        handle.close()
        callback()

    def poll() -> None:
        if handle.wait(0):
            ended()
        else:
            loop.call_later(POLL_INTERVAL_S, poll)

    descriptor = handle.descriptor
    if descriptor is None:
        poll()
        return

    def on_readable() -> None:
        loop.remove_reader(descriptor)
        ended()

    loop.add_reader(descriptor, on_readable)
