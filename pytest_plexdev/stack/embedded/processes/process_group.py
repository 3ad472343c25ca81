"""Start the supervisor's children, observe their ends, and stop all of them."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import time
from collections.abc import Coroutine, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final, TypeVar

from pytest_plexdev.core.paths import mount_point
from pytest_plexdev.errors import DISK_FULL, PROGRAM_UNFINISHED, SERVER_EXITED, SERVER_SILENT, Failure, PlexdevError
from pytest_plexdev.stack.embedded.processes.child import Child, Command, describe_status, kill_children, last_lines
from pytest_plexdev.stack.embedded.processes.exit_watcher import call_at_end

T = TypeVar("T")

_NO_SPACE: Final = os.strerror(errno.ENOSPC).lower()

_STOP_TIMEOUT_S: Final = 1.5
"""After it a child that was sent its stop signal is killed."""
_SHUTDOWN_TIMEOUT_S: Final = 5.0
"""The same for a child that is started again on its data, which it may have to write first."""


class ProcessGroup:
    """The children of the supervisor by name, and one deadline for all of them to become ready.

    Their ends are observed through their handles, without threads and without a SIGCHLD handler.

    Args:
        timeout: Seconds from now until the deadline.

    Attributes:
        stopped: The pids of the children that :meth:`stop` has stopped.
        killed_by_test: The pids of the children that a test has killed.
        environments: Changes to the environment of children by name, from their next start on. ``None``: removed.
    """

    def __init__(self, *, timeout: float) -> None:
        self._children: dict[str, Child] = {}
        self._ends: dict[str, asyncio.Future[int]] = {}
        self.stopped: set[int] = set()
        self.killed_by_test: set[int] = set()
        self.environments: dict[str, Mapping[str, str | None]] = {}
        self._began = time.monotonic()
        self._deadline = self._began + timeout

    def start(self, name: str, command: Command) -> Child:
        if changes := self.environments.get(name):
            variables = {**command.environment, **changes}
            kept = {variable: value for variable, value in variables.items() if value is not None}
            command = replace(command, environment=kept)
        return self.adopt(Child(name, command))

    def find(self, name: str) -> Child | None:
        """Return the child of this name if it runs."""
        child = self._children.get(name)
        return child if child is not None and child.status is None else None

    def adopt(self, child: Child) -> Child:
        """Watch a child that was started before the event loop."""
        end: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def set_status() -> None:
            status = child.wait()
            if not end.done():
                end.set_result(status)

        call_at_end(child.handle, set_status)
        self._children[child.name] = child
        self._ends[child.name] = end
        return child

    def end_of(self, child: Child) -> asyncio.Future[int]:
        """Return a future of the child's exit status, done once the child has ended."""
        return self._ends[child.name]

    async def run(self, name: str, command: Command) -> None:
        """Run a program to completion.

        Raises:
            PlexdevError: ``server-exited``: its exit status is not 0; ``program-unfinished``: the deadline has passed.
        """
        await self.finish(self.start(name, command))

    async def finish(self, child: Child) -> None:
        """Wait for the end of a program. Raises what :meth:`run` raises."""
        end = self.end_of(child)
        await asyncio.wait({end}, timeout=self._remaining())
        if not end.done():
            raise self._failure(PROGRAM_UNFINISHED, child)
        if status := end.result():
            raise self._exited(child, status)

    async def until(self, child: Child, ready: Coroutine[None, None, T], *, probe: str) -> T:
        """Wait for *ready*, which completes when *child* is ready, and return its result.

        Args:
            probe: Describes the probe for the error, for example ``a query``.

        Raises:
            PlexdevError: ``server-exited``: the child ended, at once; ``server-silent``: the deadline has passed.
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
        if _is_disk_full(child):
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

    def status_of(self, name: str) -> int | None:
        """Return the exit status of a child; ``None`` while it runs, and if there was none."""
        return self._children[name].status if name in self._children else None

    def renew(self, timeout: float) -> None:
        """Set another deadline, *timeout* seconds from now, for a change of the running stack."""
        self._began = time.monotonic()
        self._deadline = self._began + timeout

    async def stop(self, *names: str) -> None:
        """Stop children that run, and return once they have ended. Their ends are expected."""
        children = [child for child in self.running() if child.name in names]
        self.stopped |= {child.pid for child in children}
        for child in children:
            child.send_shutdown_signal()
        ends = [self._ends[child.name] for child in children]
        if ends and (await asyncio.wait(ends, timeout=_SHUTDOWN_TIMEOUT_S))[1]:
            for child in children:
                child.send(signal.SIGKILL)
            await asyncio.wait(ends)

    async def stop_all(self) -> None:
        """Stop all children and return when none is left, including adopted orphans."""
        for child in self.running():
            child.send_stop_signal()
        if ends := [end for end in self._ends.values() if not end.done()]:
            await asyncio.wait(ends, timeout=_STOP_TIMEOUT_S)
        for child in self.running():
            child.send(signal.SIGKILL)
        kill_children()


def _is_disk_full(child: Child) -> bool:
    # If the log is on the full disk, the child's own error message is missing in it.
    return _NO_SPACE in last_lines(child.log).lower() or os.statvfs(child.log.parent).f_bavail == 0
