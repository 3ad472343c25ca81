"""Empty the JetStream streams of a stack."""

from __future__ import annotations

from typing import Final

from pytest_plexdev.core.event_loop import run

_TIMEOUT_S: Final = 5.0


def purge(url: str) -> int:
    """Delete the messages of all streams; streams and consumers stay. Returns the number of streams.

    Args:
        url: Of NATS, with its password if it requires one.

    Raises:
        OSError, nats.errors.Error: NATS does not answer.
    """
    return run(_purge(url))


async def _purge(url: str) -> int:
    import nats

    client = await nats.connect(url, connect_timeout=_TIMEOUT_S, allow_reconnect=False)
    try:
        context = client.jetstream(timeout=_TIMEOUT_S)
        streams = [info.config.name for info in await context.streams_info()]
        for name in streams:
            assert name is not None
            await context.purge_stream(name)
        return len(streams)
    finally:
        await client.close()
