"""Forward batches from the ingest buffer to Mimir and Loki.

A batch is acknowledged in JetStream only after its backend took it, so what was acknowledged to a Node arrives,
whatever fails in between. All API processes share one durable consumer per backend. A backend may get a batch twice:
after a crash between its answer and the acknowledgement. Mimir and Loki drop records that they have already.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from plexsphere_reference.log import log
from plexsphere_reference.observability import loki, mimir
from plexsphere_reference.observability.buffer import Batch, IngestBuffer
from plexsphere_reference.observability.upstream import Answer, Upstream, UpstreamUnavailable
from plexsphere_reference.rules import ingest
from plexsphere_reference.rules.ingest import Signal

if TYPE_CHECKING:
    from nats.aio.msg import Msg
    from nats.js import JetStreamContext

_AT_ONCE: Final = 16
_FETCH_S: Final = 5.0
"""Seconds that a fetch waits for the first batch. After a reconnect of NATS, batches may wait that long."""
_PUSH_S: Final = 5.0
_ATTEMPTS: Final = 5
"""Attempts to deliver a batch before others get their turn."""
_LONGEST_PAUSE_S: Final = 2.0
_LONGEST_DELAY_S: Final = 10.0
_RETRY_S: Final = 0.5
_STOP_S: Final = 0.3
"""Seconds in which a stopping process gives its batches back; the others come again after the ack wait."""
_REFUSALS: Final = frozenset((400, 413, 415, 422))
"""Statuses that are about the batch. Others of 4xx are about address, credentials or load, and may be gone later."""
_LONGEST_REASON: Final = 500

Push: TypeAlias = Callable[..., Awaitable[Answer]]


class _NotTaken(Exception):
    """The backend did not take a batch now, but may take it later.

    Attributes:
        delay_s: Seconds after which the backend wants it again.
    """

    def __init__(self, reason: str, delay_s: float) -> None:
        super().__init__(reason)
        self.delay_s = delay_s


@dataclass(frozen=True, kw_only=True)
class Route:
    """Which signals go to a backend, and how.

    Attributes:
        name: Of the backend, and of its durable consumer.
        push: Writes one batch.
    """

    name: str
    signals: tuple[Signal, ...]
    upstream: Upstream
    push: Push


def routes(mimir_upstream: Upstream | None, loki_upstream: Upstream | None) -> Sequence[Route]:
    """Return the routes to the backends that are configured."""
    found = []
    if mimir_upstream is not None:
        found.append(Route(name="mimir", signals=("metrics",), upstream=mimir_upstream, push=mimir.push))
    if loki_upstream is not None:
        found.append(Route(name="loki", signals=("logs", "audit"), upstream=loki_upstream, push=loki.push))
    return found


class Forwarder:
    """Delivers the buffered batches of all routes."""

    def __init__(self, buffer: IngestBuffer, routes: Sequence[Route]) -> None:
        self._buffer = buffer
        self._routes = routes

    async def run(self) -> None:
        """Connect the buffer and forward until cancelled. Idle while nothing is ingested."""
        async with self._buffer.connected():
            workers = [_Worker(self._buffer, route) for route in self._routes]
            tasks = [asyncio.create_task(each.run()) for each in workers]
            try:
                # Not gather: it would wait for a worker whose cancellation the NATS client swallowed while it wrote.
                await asyncio.Event().wait()
            finally:
                for worker, task in zip(workers, tasks, strict=True):
                    worker.stop()
                    task.cancel()
                if tasks:
                    await asyncio.wait(tasks, timeout=_STOP_S)


class _Worker:
    """Delivers the batches of one route, so that a backend that is away does not hold up the other."""

    def __init__(self, buffer: IngestBuffer, route: Route) -> None:
        self._buffer = buffer
        self._route = route
        self._failing = False
        self._stopping = False

    def stop(self) -> None:
        """End :meth:`run` at its next error, if its cancellation was lost."""
        self._stopping = True

    async def run(self) -> None:
        subscription: JetStreamContext.PullSubscription | None = None
        while not self._stopping:
            try:
                # Repeated while idle, because a NATS without persistence loses its consumers too.
                await self._buffer.declare_consumer(self._route.name, *self._route.signals)
                subscription = subscription or await self._buffer.subscribe(self._route.name)
                await self._drain(subscription)
            except Exception as error:
                # Mostly NATS being away. Whatever it is, batches must go on some time.
                log("WARN", "forwarder interrupted", backend=self._route.name, reason=_reason(error))
                await asyncio.sleep(_RETRY_S)

    async def _drain(self, subscription: JetStreamContext.PullSubscription) -> None:
        """Deliver until no batch came for a while."""
        while not self._stopping:
            try:
                messages = await subscription.fetch(_AT_ONCE, timeout=_FETCH_S)
            except TimeoutError:
                return
            try:
                await asyncio.gather(*(self._settle(message) for message in messages))
            except asyncio.CancelledError:
                for message in messages:
                    if not message.is_acked:
                        await message.nak()
                raise

    async def _settle(self, message: Msg) -> None:
        """Deliver one batch, and tell JetStream whether it is done, refused, or to be delivered again."""
        try:
            answer = await self._deliver(message)
        except _NotTaken as error:
            self._note_failure(str(error))
            await message.nak(delay=error.delay_s)
            return
        except ingest.InvalidBatch as error:
            await self._drop(message, error.detail)
            return
        except Exception as error:
            # A fault of ours with one batch must not stop the others.
            log("ERROR", "batch cannot be forwarded", subject=message.subject, reason=_reason(error))
            await message.nak(delay=_LONGEST_DELAY_S)
            return
        self._note_success()
        if answer.status in _REFUSALS:
            await self._drop(message, f"{answer.status}: {answer.content.decode(errors='replace')}")
        else:
            await message.ack()

    async def _deliver(self, message: Msg) -> Answer:
        from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

        async def hold(_: Any) -> None:
            # Without this the batch would be delivered a second time while its attempts go on.
            await message.in_progress()

        batch = Batch.of(message)
        body = ingest.inflate(batch.body) if batch.gzipped else batch.body
        records = ingest.parse(batch.signal, body)
        attempts = AsyncRetrying(
            stop=stop_after_attempt(_ATTEMPTS),
            wait=wait_exponential_jitter(initial=0.1, max=_LONGEST_PAUSE_S),
            retry=retry_if_exception_type(_NotTaken),
            before_sleep=hold,
            reraise=True,
        )
        return await attempts(self._attempt, batch, records)

    async def _attempt(self, batch: Batch, records: Sequence[ingest.Record]) -> Answer:
        try:
            answer = await self._route.push(self._route.upstream, batch, records, within_s=_PUSH_S)
        except UpstreamUnavailable as error:
            raise _NotTaken(str(error), _LONGEST_PAUSE_S) from error
        if answer.status < 300 or answer.status in _REFUSALS:
            return answer
        raise _NotTaken(f"answered {answer.status}", min(answer.retry_after_s or _LONGEST_PAUSE_S, _LONGEST_DELAY_S))

    async def _drop(self, message: Msg, why: str) -> None:
        """Give up a batch that the backend will never take. A part of its records may be stored."""
        log(
            "ERROR",
            "batch refused by its backend and dropped",
            backend=self._route.name,
            subject=message.subject,
            message_id=(message.headers or {}).get("Nats-Msg-Id", ""),
            reason=why[:_LONGEST_REASON],
        )
        await message.term()

    def _note_failure(self, reason: str) -> None:
        if not self._failing:
            log("WARN", "backend takes no batches; they wait in the buffer", backend=self._route.name, reason=reason)
        self._failing = True

    def _note_success(self) -> None:
        if self._failing:
            log("INFO", "backend takes batches again", backend=self._route.name)
        self._failing = False


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
