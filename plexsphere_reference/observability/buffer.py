"""The ingest buffer: a JetStream stream that holds each batch until Mimir or Loki has it.

``plexsphere.obs.<signal>.<Domain id>`` is the subject of a batch. Its message is the body as it was sent; the headers
say how to read it and which Node it is from.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self, cast
from uuid import UUID

from plexsphere_reference.log import log
from plexsphere_reference.rules.ingest import InvalidBatch, Signal

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg
    from nats.js import JetStreamContext

STREAM: Final = "PLEXSPHERE_OBS_INGEST"
_SUBJECTS: Final = "plexsphere.obs"
_MOST_BYTES: Final = 128 * 1024 * 1024
"""Capacity of the stream. When it is full, batches are refused; none that was acknowledged is dropped."""
_PUBLISH_S: Final = 2.0
_RETRY_S: Final = 0.5
_ACK_WAIT_S: Final = 10.0
"""Seconds until a batch is delivered again whose forwarder died."""
_SAME_STREAM: Final = 10058
"""JetStream's error code for a stream that exists with another configuration."""
_WITHOUT_STREAM: Final = "not connected to the ingest buffer yet"


class BufferUnavailable(Exception):
    """JetStream does not hold the batch: it is unreachable, or the stream is full."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """A validated batch of one Node.

    Attributes:
        body: The body as it was sent.
        gzipped: Whether the body is a gzip stream.
    """

    signal: Signal
    domain_id: UUID
    project_id: UUID
    node_id: UUID
    body: bytes = field(repr=False)
    gzipped: bool

    @property
    def subject(self) -> str:
        return f"{_SUBJECTS}.{self.signal}.{self.domain_id}"

    @property
    def headers(self) -> dict[str, str]:
        # A Node repeats a batch whose answer it lost. Records have timestamps, so equal bodies are the same records.
        content = hashlib.sha256(self.body).hexdigest()
        return {
            "Nats-Msg-Id": f"{self.node_id}/{self.signal}/{content}",
            "Plexsphere-Project-Id": str(self.project_id),
            "Plexsphere-Node-Id": str(self.node_id),
            "Content-Encoding": "gzip" if self.gzipped else "identity",
        }

    @classmethod
    def of(cls, message: Msg) -> Self:
        """Read a batch from the stream.

        Raises:
            InvalidBatch: Something else published the message.
        """
        *_, signal, domain_id = message.subject.split(".")
        headers = message.headers or {}
        try:
            return cls(
                signal=cast(Signal, signal),
                domain_id=UUID(domain_id),
                project_id=UUID(headers["Plexsphere-Project-Id"]),
                node_id=UUID(headers["Plexsphere-Node-Id"]),
                body=message.data,
                gzipped=headers["Content-Encoding"] == "gzip",
            )
        except (KeyError, ValueError) as error:
            raise InvalidBatch("ingest_batch_malformed", f"the message is no batch: {error!r}") from error


class IngestBuffer:
    """The connection to the stream.

    Args:
        url: URL of the NATS server.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._client: Client | None = None
        self._stream: JetStreamContext | None = None
        self._closing = False

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        """Connect, as long as that takes, and declare the stream; closes the connection at the end."""
        import nats

        self._client = await nats.connect(
            self._url,
            name="plexsphere-ingest",
            max_reconnect_attempts=-1,
            reconnect_time_wait=_RETRY_S,
            reconnected_cb=self._declare,
            disconnected_cb=self._log_disconnect,
            error_cb=_ignore,
        )
        try:
            await self._declare()
            yield
        finally:
            self._closing = True
            await self._client.close()

    async def publish(self, batch: Batch) -> None:
        """Store a batch; it is durable when this returns.

        Raises:
            BufferUnavailable: There was no acknowledgement. The batch may be stored nevertheless.
        """
        import nats.errors

        # A client without connection would keep the message and send it later.
        if self._client is None or self._stream is None or not self._client.is_connected:
            raise BufferUnavailable(_WITHOUT_STREAM)
        try:
            await self._stream.publish(batch.subject, batch.body, _PUBLISH_S, STREAM, batch.headers)
        except (nats.errors.Error, TimeoutError, OSError) as error:
            raise BufferUnavailable(f"{type(error).__name__}: {error}") from error

    async def subscribe(self, name: str) -> JetStreamContext.PullSubscription:
        """Subscribe to the batches of a consumer that :meth:`declare_consumer` declared."""
        assert self._stream is not None
        return await self._stream.pull_subscribe_bind(consumer=name, stream=STREAM)

    async def declare_consumer(self, name: str, *signals: Signal) -> None:
        """Declare a durable consumer of some signals, unless it exists. Processes share its batches.

        Raises:
            nats.errors.Error: JetStream does not answer.
        """
        from nats.js.api import AckPolicy, ConsumerConfig

        assert self._stream is not None
        config = ConsumerConfig(
            durable_name=name,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=_ACK_WAIT_S,
            filter_subjects=[f"{_SUBJECTS}.{signal}.*" for signal in signals],
        )
        await self._stream.add_consumer(STREAM, config)

    async def _declare(self) -> None:
        # Also after a reconnect, because a NATS without persistence has lost the stream.
        import nats.errors

        assert self._client is not None
        while True:
            try:
                self._stream = await _declared(self._client)
            except (nats.errors.Error, TimeoutError, OSError) as error:
                log("WARN", "the ingest buffer cannot be declared", reason=f"{type(error).__name__}: {error}")
                await asyncio.sleep(_RETRY_S)
            else:
                return

    async def _log_disconnect(self) -> None:
        if not self._closing:
            log("WARN", "not connected to the ingest buffer; batches are refused until it is back")


async def _declared(client: Client) -> JetStreamContext:
    from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
    from nats.js.errors import BadRequestError

    context = client.jetstream()
    config = StreamConfig(
        name=STREAM,
        subjects=[f"{_SUBJECTS}.>"],
        retention=RetentionPolicy.WORK_QUEUE,
        discard=DiscardPolicy.NEW,
        storage=StorageType.FILE,
        max_bytes=_MOST_BYTES,
    )
    try:
        await context.add_stream(config)
    except BadRequestError as error:
        if error.err_code != _SAME_STREAM:
            raise
        await context.update_stream(config)
    return context


async def _ignore(_: Exception) -> None:
    """Every failed attempt to reconnect ends here, twice a second; the client writes each to the log by default."""
