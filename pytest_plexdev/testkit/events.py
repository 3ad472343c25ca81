"""Read the control plane's events from NATS."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

from pytest_plexdev.core.clock import monotonic
from pytest_plexdev.core.event_loop import RealTimeEventLoop
from pytest_plexdev.core.lookup import nearest
from pytest_plexdev.core.untrusted_json import decode_as
from pytest_plexdev.errors import NO_EVENT, PlexdevError

if TYPE_CHECKING:
    from nats.aio.client import Client as Nats
    from nats.aio.msg import Msg

SUBJECTS: Final = "plexsphere.events.>"
"""``plexsphere.events.<domain id or platform>.<EventType>`` (docs/explanation/contract-decisions.md)."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """One event.

    Attributes:
        id: The outbox row's id, from ``Nats-Msg-Id``.
        scope: The Domain's id, or ``platform``.
        type: For example ``DomainCreated``.
        payload: The body: the ``id`` of the object that changed, the ``correlation_id`` of the request, and what the
            type adds. ``{"raw": …}`` if it is not a JSON object.

    Example::

        def test_an_event_names_its_domain(plexdev_events, plexdev_project):
            event = plexdev_events.wait_for("ProjectCreated")
            assert event.scope == plexdev_project.domain_id
    """

    id: str
    scope: str
    type: str
    payload: Mapping[str, Any]


class Events:
    """The events since :meth:`start`, received by a background thread.

    Args:
        url: URL of the NATS server.
        log: The API's log, for errors: its path or the command that prints it.

    Example::

        def test_a_node_is_announced(plexdev_events, plexdev_node):
            def is_mine(event):
                return plexdev_node.id in str(event.payload)

            assert plexdev_events.wait_for("NodeRegistered", where=is_mine, timeout=10)
    """

    def __init__(self, url: str, *, log: str) -> None:
        self._url = url
        self._log = log
        self._loop = RealTimeEventLoop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="plexdev-events", daemon=True)
        self._arrival = threading.Condition()
        self._events: list[Event] = []
        self._nats: Nats | None = None

    def __iter__(self) -> Iterator[Event]:
        with self._arrival:
            return iter(tuple(self._events))

    def start(self) -> None:
        """Subscribe. Events that are published after this returns are received."""
        self._thread.start()
        self._nats = self._run(self._subscribe())

    def stop(self) -> None:
        """Close the connection and stop the thread."""
        if self._nats is not None:
            self._run(self._nats.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def wait_for(
        self, event_type: str, *, where: Callable[[Event], bool] = lambda _: True, timeout: float = 5.0
    ) -> Event:
        """Return the first event of a type for which *where* is true; wait for it if it has not been received yet.

        Args:
            where: A condition for the event.
            timeout: Seconds.

        Raises:
            PlexdevError: ``no-event``: no such event was received in time.
        """
        deadline = monotonic() + timeout
        with self._arrival:
            while True:
                for event in self._events:
                    if event.type == event_type and where(event):
                        return event
                if not self._arrival.wait(deadline - monotonic()):
                    raise self._missing(event_type, timeout)

    def _missing(self, event_type: str, timeout: float) -> PlexdevError:
        types = [event.type for event in self._events]
        meant = nearest(event_type, types) if event_type not in types else None
        seen = ", ".join(types) or "no event"
        if meant is not None:
            seen += f"; did you mean {meant}?"
        return PlexdevError(NO_EVENT, wanted=event_type, seconds=timeout, seen=seen, log=self._log)

    async def _subscribe(self) -> Nats:
        import nats  # lazy: takes 220 to 420 ms

        client = await nats.connect(self._url)
        await client.subscribe(SUBJECTS, cb=self._receive)
        await client.flush()
        return client

    async def _receive(self, message: Msg) -> None:
        _, _, scope, event_type = message.subject.split(".", 3)
        event = Event(
            id=(message.headers or {}).get("Nats-Msg-Id", ""),
            scope=scope,
            type=event_type,
            payload=_payload(message.data),
        )
        with self._arrival:
            self._events.append(event)
            self._arrival.notify_all()

    def _run(self, coroutine: Any) -> Any:
        done: Future[Any] = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        return done.result(timeout=10)


def _payload(data: bytes) -> Mapping[str, Any]:
    try:
        return decode_as(data, dict[str, Any])
    except msgspec.DecodeError:
        return {"raw": data.decode("utf-8", "replace")}
