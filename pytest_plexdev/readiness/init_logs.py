"""Read the last log line of each running init container; it names the dependency that the Pod waits for."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterable
from typing import Final

import httpx

from pytest_plexdev.core.untrusted_json import decode_json
from pytest_plexdev.kube.resources import POD
from pytest_plexdev.readiness.object_ref import ObjectRef
from pytest_plexdev.readiness.object_status import ObjectStatus

_ENDPOINT: Final = re.compile(r"\b([a-z][a-z0-9-]*)(?:\.[a-z0-9.-]+)?:\d{2,5}\b")
_LONGEST: Final = 200
_PAUSE: Final = 2.0
"""Seconds until an ended log is read again."""
_NOT_ITS_OWN: Final = "failed to create fsnotify watcher"
"""A line that the kubelet writes to the log if the node has no inotify instance left."""


class InitLogs:
    """Follows the logs of the init containers that something waits for.

    Args:
        changed: Called on a new line. The same line again, or another line about the same endpoint, is not new.
    """

    def __init__(self, http: httpx.AsyncClient, changed: Callable[[], None]) -> None:
        self._http = http
        self._changed = changed
        self._lines: dict[tuple[ObjectRef, str], str] = {}
        self._ended: dict[tuple[ObjectRef, str], float] = {}
        self._tasks: dict[tuple[ObjectRef, str], asyncio.Task[None]] = {}

    def follow(self, found: Iterable[ObjectStatus]) -> None:
        """Follow the init containers that these statuses wait for."""
        for each in found:
            deepest = each.deepest
            source = _source(deepest)
            if source is not None and source not in self._tasks and self._may_retry(source):
                self._tasks[source] = asyncio.ensure_future(self._follow(source))

    def line(self, found: ObjectStatus) -> str:
        """Return the last line of the init container that *found* waits for; empty if none is known."""
        source = _source(found.deepest)
        return self._lines.get(source, "") if source is not None else ""

    async def close(self) -> None:
        """Stop following."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _follow(self, source: tuple[ObjectRef, str]) -> None:
        ref, container = source
        query = {"container": container, "follow": "true", "tailLines": "1"}
        try:
            async with self._http.stream("GET", POD.path(ref.namespace, ref.name) + "/log", params=query) as response:
                if response.is_success:
                    async for line in response.aiter_lines():
                        self._keep(source, message_of(line)[:_LONGEST])
        except httpx.HTTPError:
            # The Pod was deleted or the server does not answer: the watch reports both.
            pass
        self._tasks.pop(source, None)
        self._ended[source] = time.monotonic()

    def _may_retry(self, source: tuple[ObjectRef, str]) -> bool:
        return time.monotonic() - self._ended.get(source, float("-inf")) > _PAUSE

    def _keep(self, source: tuple[ObjectRef, str], line: str) -> None:
        last = self._lines.get(source, "")
        if line and _NOT_ITS_OWN not in line and (not last or _gist(line) != _gist(last)):
            self._lines[source] = line
            self._changed()


def message_of(line: str) -> str:
    """Return the message and the error of a structured log line (JSON, as zap writes it), else the line itself."""
    line = line.strip()
    try:
        entry = decode_json(line) if line.startswith("{") else None
    except ValueError:
        return line
    parts = [entry[name] for name in ("msg", "error") if isinstance(entry.get(name), str)] if entry else []
    return ": ".join(parts) or line


def endpoint_host(line: str) -> str | None:
    """Return the host of the first ``host:port`` in a line: the short name of a Service of the same namespace."""
    found = _ENDPOINT.search(line)
    return found[1] if found else None


def _gist(line: str) -> str:
    found = _ENDPOINT.search(line)
    return found[0] if found else re.sub(r"\d+", "", line)


def _source(found: ObjectStatus) -> tuple[ObjectRef, str] | None:
    if found.container is None or not found.is_init or found.actual != "running":
        return None
    return found.ref, found.container
