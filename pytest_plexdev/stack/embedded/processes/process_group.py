"""The supervisor's children: start them, observe their ends, end all of them."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import time
from collections.abc import Coroutine, Iterator
from typing import Any, Final, TypeVar

from pytest_plexdev.core.paths import mount_point
from pytest_plexdev.errors import DISK_FULL, PROGRAM_UNFINISHED, SERVER_EXITED, SERVER_SILENT, Failure, PlexdevError
from pytest_plexdev.stack.embedded.processes.child import Child, Command, describe_status, end_children, last_lines
from pytest_plexdev.stack.embedded.processes.process_watch import call_at_end

T = TypeVar("T")

_NO_SPACE: Final = os.strerror(errno.ENOSPC).lower()

_PATIENCE: Final = 1.5
"""Seconds that a child gets to end as it was asked to, before it is killed."""


class ProcessGroup:
    """Children by name, with ``timeout`` seconds in all to become ready.

    Their ends are watched by their handles: no thread, no SIGCHLD handler.
    """

    def __init__(self, *, timeout: float) -> None:
        self._children: dict[str, Child] = {}
        self._ends: dict[str, asyncio.Future[int]] = {}
        self._began = time.monotonic()
        self._deadline = self._began + timeout

    def start(self, name: str, command: Command) -> Child:
        return self.adopt(Child(name, command))

    def adopt(self, child: Child) -> Child:
        """Watch a child that was started before the event loop was."""
        end: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def note() -> None:
            status = child.wait()
            if not end.done():
                end.set_result(status)

        call_at_end(child.handle, note)
        self._children[child.name] = child
        self._ends[child.name] = end
        return child

    def end_of(self, child: Child) -> asyncio.Future[int]:
        """Done once the child has ended, with its exit status."""
        return self._ends[child.name]

    async def run(self, name: str, command: Command) -> None:
        """Run a program to its end.

        Raises:
            PlexdevError: ``server-exited``, unless its exit status is 0; ``program-unfinished`` when the time was up.
        """
        await self.finish(self.start(name, command))

    async def finish(self, child: Child) -> None:
        """Wait for a program's end; raises as :meth:`run` does."""
        end = self.end_of(child)
        await asyncio.wait({end}, timeout=self._remaining())
        if not end.done():
            raise self._failure(PROGRAM_UNFINISHED, child)
        if status := end.result():
            raise self._exited(child, status)

    async def until(self, child: Child, ready: Coroutine[None, None, T], *, probe: str) -> T:
        """Wait for what ``child`` does when it is ready.

        Raises:
            PlexdevError: ``server-exited`` as soon as it ended instead; ``server-silent`` when the time was up.
        """
        answer = asyncio.ensure_future(ready)
        end = self.end_of(child)
        try:
            either: set[asyncio.Future[Any]] = {answer, end}
            await asyncio.wait(either, timeout=self._remaining(), return_when=asyncio.FIRST_COMPLETED)
            if answer.done():
                return answer.result()
            if end.done():
                raise self._exited(child, end.result())
            raise self._failure(SERVER_SILENT, child, probe=probe)
        finally:
            answer.cancel()

    def _remaining(self) -> float:
        return max(0.0, self._deadline - time.monotonic())

    def _exited(self, child: Child, status: int) -> PlexdevError:
        if _has_full_disk(child):
            return PlexdevError(DISK_FULL, detail=last_lines(child.log), path=mount_point(child.log))
        return self._failure(SERVER_EXITED, child, status=describe_status(status))

    def _failure(self, failure: Failure, child: Child, **facts: object) -> PlexdevError:
        return PlexdevError(
            failure,
            detail=last_lines(child.log),
            service=child.name,
            seconds=time.monotonic() - self._began,
            log=str(child.log),
            **facts,
        )

    def running(self) -> Iterator[Child]:
        return (child for child in self._children.values() if child.status is None)

    async def disband(self) -> None:
        """End every child; returns when none is left, adopted orphans included."""
        for child in self.running():
            child.ask_to_end()
        if ends := [end for end in self._ends.values() if not end.done()]:
            await asyncio.wait(ends, timeout=_PATIENCE)
        for child in self.running():
            child.send(signal.SIGKILL)
        end_children()


def _has_full_disk(child: Child) -> bool:
    # What it said itself is missing where its log is on that disk.
    return _NO_SPACE in last_lines(child.log).lower() or os.statvfs(child.log.parent).f_bavail == 0
