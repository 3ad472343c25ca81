"""Read the last log line of each running init container; it names the dependency that the Pod waits for."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterable
from typing import Final

import httpx

from pytest_plexdev.kube.resources import POD
from pytest_plexdev.readiness.object_ref import ObjectRef
from pytest_plexdev.readiness.object_status import ObjectStatus

_ENDPOINT: Final = re.compile(r"\b([a-z][a-z0-9-]*)(?:\.[a-z0-9.-]+)?:\d{2,5}\b")
_LONGEST: Final = 200
_PAUSE: Final = 2.0
"""Seconds until a container whose log ended is asked again."""
_NOT_ITS_OWN: Final = "failed to create fsnotify watcher"
"""The kubelet's words in the container's log, where the node has no inotify instance left to follow it with."""


class InitLogs:
    """Follows the logs of the init containers that something waits for.

    Args:
        heard: Called when one says something new; the same line again, or one about the same endpoint, is nothing new.
    """

    def __init__(self, http: httpx.AsyncClient, heard: Callable[[], None]) -> None:
        self._http = http
        self._heard = heard
        self._lines: dict[tuple[ObjectRef, str], str] = {}
        self._ended: dict[tuple[ObjectRef, str], float] = {}
        self._tasks: dict[tuple[ObjectRef, str], asyncio.Task[None]] = {}

    def listen(self, found: Iterable[ObjectStatus]) -> None:
        """Follow those that these judgements wait for."""
        for each in found:
            deepest = each.deepest
            speaker = _speaker(deepest)
            if speaker is not None and speaker not in self._tasks and self._may_ask(speaker):
                self._tasks[speaker] = asyncio.ensure_future(self._follow(speaker))

    def line(self, found: ObjectStatus) -> str:
        """The last thing that the container said that *found* waits for."""
        speaker = _speaker(found.deepest)
        return self._lines.get(speaker, "") if speaker is not None else ""

    async def close(self) -> None:
        """Stop listening."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _follow(self, speaker: tuple[ObjectRef, str]) -> None:
        ref, container = speaker
        query = {"container": container, "follow": "true", "tailLines": "1"}
        try:
            async with self._http.stream("GET", POD.path(ref.namespace, ref.name) + "/log", params=query) as response:
                if response.is_success:
                    async for line in response.aiter_lines():
                        self._hear(speaker, line.strip()[:_LONGEST])
        except httpx.HTTPError:
            # The Pod is gone or the server away: the watch tells.
            pass
        self._tasks.pop(speaker, None)
        self._ended[speaker] = time.monotonic()

    def _may_ask(self, speaker: tuple[ObjectRef, str]) -> bool:
        return time.monotonic() - self._ended.get(speaker, float("-inf")) > _PAUSE

    def _hear(self, speaker: tuple[ObjectRef, str], line: str) -> None:
        last = self._lines.get(speaker, "")
        if line and _NOT_ITS_OWN not in line and (not last or _gist(line) != _gist(last)):
            self._lines[speaker] = line
            self._heard()


def endpoint_host(line: str) -> str | None:
    """The host of the first ``host:port`` in a line: a Service of the same namespace, by its short name."""
    found = _ENDPOINT.search(line)
    return found[1] if found else None


def _gist(line: str) -> str:
    found = _ENDPOINT.search(line)
    return found[0] if found else re.sub(r"\d+", "", line)


def _speaker(found: ObjectStatus) -> tuple[ObjectRef, str] | None:
    if found.container is None or not found.is_init or found.actual != "running":
        return None
    return found.ref, found.container
