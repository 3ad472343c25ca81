"""Describe the batches that wait in the ingest buffer, for the error of a test that misses what a Node sent.

Stream and subjects are those of the reference plane: docs/explanation/contract-decisions.md, Telemetry.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from pytest_plexdev.core.event_loop import run

if TYPE_CHECKING:
    from pytest_plexdev.testkit.stack import Stack

STREAM: Final = "PLEXSPHERE_OBS_INGEST"
_TIMEOUT_S: Final = 3.0


def describe_backlog(stack: Stack, domain_id: str) -> str:
    """Return how many batches of a Domain wait, by signal, or why that is unknown."""
    try:
        # In a thread of its own, because the test may run in an event loop.
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(lambda: run(_waiting(stack.nats_url, domain_id))).result()
    except Exception as error:
        return f"how many batches wait in the ingest buffer is unknown: {type(error).__name__}: {error}"
    if not waiting:
        return "no batch of this Domain waits in the ingest buffer"
    counted = ", ".join(f"{count} of {signal}" for signal, count in sorted(waiting.items()))
    return f"batches that wait in the ingest buffer: {counted}"


async def _waiting(url: str, domain_id: str) -> dict[str, int]:
    import nats

    client = await nats.connect(url, allow_reconnect=False, connect_timeout=_TIMEOUT_S)
    try:
        subjects = f"plexsphere.obs.*.{domain_id}"
        info = await client.jetstream(timeout=_TIMEOUT_S).stream_info(STREAM, subjects_filter=subjects)
    finally:
        await client.close()
    return {subject.split(".")[2]: count for subject, count in (info.state.subjects or {}).items()}
