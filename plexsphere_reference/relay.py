"""Publish the outbox to NATS: each event once, in order, with its id as ``Nats-Msg-Id``."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import psycopg

from plexsphere_reference.log import log
from plexsphere_reference.settings import Settings
from plexsphere_reference.store.database import Database, DatastoreUnavailable
from plexsphere_reference.store.outbox import CHANNEL

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.js import JetStreamContext

STREAM: Final = "PLEXSPHERE_NODE_EVENTS"
SUBJECTS: Final = "plexsphere.events.>"
_BATCH: Final = 100
_PAUSE_AFTER_FAILURE: Final = 0.5
_NEXT: Final = """
SELECT seq, id, domain_id, event_type, payload::text, occurred_at FROM plexsphere.outbox_events
WHERE published_at IS NULL ORDER BY seq LIMIT %s FOR UPDATE SKIP LOCKED
"""
_MARK: Final = """
WITH published AS (UPDATE plexsphere.outbox_events SET published_at = now() WHERE seq = ANY(%s))
INSERT INTO plexsphere.sse_relay_cursor AS cursor (stream_name, last_published_seq) VALUES (%s, %s)
ON CONFLICT (stream_name) DO UPDATE
SET last_published_seq = greatest(cursor.last_published_seq, excluded.last_published_seq)
"""


class Relay:
    """Publishes events when Postgres notifies of a commit.

    A row is marked after the stream's acknowledgement. After a crash in between, the event is published again and the
    stream drops the duplicate by its id.
    """

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._database = database
        self._client: Client | None = None
        self._stream: JetStreamContext | None = None

    async def probe(self) -> None:
        """Raise if the stream does not exist."""
        if self._stream is None:
            raise ConnectionError(f"not connected to the stream {STREAM} yet")
        await self._stream.stream_info(STREAM)

    async def run(self) -> None:
        """Relay until cancelled; reconnects if NATS or Postgres becomes unavailable."""
        try:
            while True:
                try:
                    await self._connect()
                    await self._follow()
                except (OSError, TimeoutError, psycopg.Error, DatastoreUnavailable) as error:
                    log("WARN", "relay interrupted", reason=f"{type(error).__name__}: {error}")
                    await asyncio.sleep(_PAUSE_AFTER_FAILURE)
        finally:
            if self._client is not None:
                await self._client.close()

    async def _connect(self) -> None:
        import nats

        if self._settings.nats_url is None:
            return
        if self._client is None:
            self._client = await nats.connect(
                self._settings.nats_url,
                name="plexsphere",
                max_reconnect_attempts=-1,
                reconnect_time_wait=_PAUSE_AFTER_FAILURE,
                reconnected_cb=self._after_reconnect,
            )
        await self._declare(self._client)

    async def _after_reconnect(self) -> None:
        # Without persistence NATS has lost the stream. Create it now, so that consumers do not wait for the next event.
        if self._client is not None:
            with contextlib.suppress(ConnectionError):
                await self._declare(self._client)

    async def _declare(self, client: Client) -> None:
        stream = client.jetstream()
        with _as_connection_error():
            await stream.add_stream(name=STREAM, subjects=[SUBJECTS])
        self._stream = stream

    async def _follow(self) -> None:
        listener = await psycopg.AsyncConnection.connect(self._settings.database_url, autocommit=True)
        async with listener:
            await listener.execute(f"LISTEN {CHANNEL}")
            await self._drain()
            async for _ in listener.notifies():
                await self._drain()

    async def _drain(self) -> None:
        while await self._publish_batch() == _BATCH:
            pass

    async def _publish_batch(self) -> int:
        assert self._stream is not None
        async with self._database.transaction() as connection:
            rows = await (await connection.execute(_NEXT, [_BATCH])).fetchall()
            for _, event_id, domain_id, event_type, payload, _ in rows:
                subject = f"plexsphere.events.{domain_id or 'platform'}.{event_type}"
                headers = {"Nats-Msg-Id": str(event_id)}
                with _as_connection_error():
                    await self._stream.publish(subject, payload.encode(), headers=headers)
            if rows:
                await connection.execute(_MARK, [[row[0] for row in rows], STREAM, rows[-1][0]])
        return len(rows)


@contextlib.contextmanager
def _as_connection_error() -> Iterator[None]:
    """Convert errors of NATS to ``ConnectionError``, so that they are retried like a lost connection."""
    import nats.errors

    try:
        yield
    except nats.errors.Error as error:
        raise ConnectionError(f"{type(error).__name__}: {error}") from error
