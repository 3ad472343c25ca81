"""Freeze a server and all its children, and kill them if the supervisor ends before they continue."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterable, Sequence

from pytest_plexdev.core.process_id import ProcessHandle, ProcessId
from pytest_plexdev.stack.embedded.processes.child import Child, descendants
from pytest_plexdev.stack.embedded.processes.descriptors import close_all_but


class Frozen:
    """A server that is frozen from the creation of the object to :meth:`thaw`.

    A frozen process does not react to the signal that the kernel sends it at the end of the supervisor
    (``PR_SET_PDEATHSIG``), unless that is SIGKILL. A guard process therefore waits for the end of the supervisor.
    """

    def __init__(self, child: Child) -> None:
        self._handles = _handles([child.pid])
        # The server first, since it starts the others.
        self._send(signal.SIGSTOP)
        self._handles += _handles(descendants(child.pid))
        self._send(signal.SIGSTOP)
        self._guard, self._pipe = _start_guard(self._handles)

    def thaw(self) -> None:
        """Let it continue."""
        self._end_guard()
        self._send(signal.SIGCONT)
        for handle in self._handles:
            handle.close()

    def _send(self, number: signal.Signals) -> None:
        for handle in self._handles:
            handle.send(number)

    def _end_guard(self) -> None:
        os.kill(self._guard, signal.SIGKILL)
        os.waitpid(self._guard, 0)
        os.close(self._pipe)


def kill_all(child: Child) -> list[int]:
    """Kill a server and all its children. Returns the children, which become this process's when the server ends."""
    pids = [child.pid, *descendants(child.pid)]
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return pids[1:]


def reap(pids: Sequence[int]) -> None:
    """Wait for the ends of killed processes that have become this process's children."""
    for pid in pids:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)


def _handles(pids: Iterable[int]) -> list[ProcessHandle]:
    opened = []
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            if (handle := ProcessId.of(pid).open()) is not None:
                opened.append(handle)
    return opened


def _start_guard(handles: Sequence[ProcessHandle]) -> tuple[int, int]:
    """Fork a process that kills the processes when this one ends. Returns its pid and this process's end of a pipe."""
    read_end, write_end = os.pipe()
    guard = os.fork()
    if guard:
        os.close(read_end)
        return guard, write_end
    try:
        signal.set_wakeup_fd(-1)
        kept = sorted({read_end, *(handle.descriptor for handle in handles if handle.descriptor is not None)})
        close_all_but(kept)
        os.read(read_end, 1)
        for handle in handles:
            handle.send(signal.SIGKILL)
    finally:
        os._exit(0)
