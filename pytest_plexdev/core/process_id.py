"""Identify a process by its pid and start time, and wait for its end by a handle.

Linux only: pidfds and ``/proc``. Where pidfds are refused (old kernels, seccomp filters of older container engines),
``/proc`` is read every few milliseconds in their place.
"""

from __future__ import annotations

import contextlib
import errno
import math
import os
import select
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pytest_plexdev.core.clock import monotonic

ANOTHER_STACK: Final = "another plexdev stack"
POLL_INTERVAL_S: Final = 0.02
"""Seconds between two looks at a process of which the kernel gives no pidfd."""
_PROGRAMS_OF_OURS: Final = frozenset({"plexsphere_reference", "pytest_plexdev.stack.embedded.dex_standin"})
_ENDED_STATES: Final = frozenset({"Z", "X", "x"})
"""``proc(5)``: a zombie waits for its parent to read its status; it does not run any more."""


_LARGEST_PID: Final = 2**22
"""``proc(5)``: of any Linux, whatever ``pid_max`` is set to."""


@dataclass(frozen=True)
class ProcessId:
    """One process for good: a pid is used again, a pid with its start time is not.

    Attributes:
        started: When it started, in clock ticks since boot (``proc(5)``, field 22 of ``stat``).
    """

    pid: int
    started: int

    @classmethod
    def of(cls, pid: int) -> ProcessId:
        """The process that has this pid now.

        Raises:
            ProcessLookupError: There is none.
        """
        return cls(pid, int(_stat_fields(pid)[19]))

    @classmethod
    def noted(cls, note: Mapping[str, Any]) -> ProcessId:
        """The process that a note names.

        Raises:
            ValueError: It names none: no process of this system can have such a pid.
        """
        pid, started = note.get("pid"), note.get("started")
        if type(pid) is not int or type(started) is not int or not 0 < pid <= _LARGEST_PID:
            raise ValueError("it names no process")
        return cls(pid, started)

    @property
    def is_alive(self) -> bool:
        """Whether it still runs; one that ended and was not yet waited for does not."""
        handle = self.open()
        if handle is None:
            return False
        with handle:
            return not handle.wait(0)

    def open(self) -> ProcessHandle | None:
        """A handle of it; ``None`` where it is gone already.

        Raises:
            OSError: This process may open no more files.
        """
        try:
            descriptor = _pidfd(self.pid)
        except ProcessLookupError:
            return None
        handle = ProcessHandle(self, descriptor)
        # The pidfd holds the pid's meaning still: compare after opening, not before.
        with contextlib.suppress(ProcessLookupError):
            if ProcessId.of(self.pid) == self:
                return handle
        handle.close()
        return None


class ProcessHandle:
    """A process that was there when the handle was made.

    Attributes:
        descriptor: A pidfd, readable once the process has ended; ``None`` where the kernel gives none.
    """

    def __init__(self, process: ProcessId, descriptor: int | None) -> None:
        self.process = process
        self.descriptor = descriptor

    def wait(self, timeout_s: float | None) -> bool:
        """Wait for its end, ``None``: for ever. Returns whether it has ended."""
        return first_ended([self], timeout_s) is not None

    def send(self, number: signal.Signals) -> None:
        """Send it a signal; one that has ended hears nothing."""
        with contextlib.suppress(ProcessLookupError):
            if self.descriptor is not None:
                signal.pidfd_send_signal(self.descriptor, number)
            elif not self.has_ended_by_proc():
                os.kill(self.process.pid, number)

    def has_ended_by_proc(self) -> bool:
        """What ``/proc`` says, for a handle without a descriptor."""
        try:
            fields = _stat_fields(self.process.pid)
        except ProcessLookupError:
            return True
        return fields[0] in _ENDED_STATES or int(fields[19]) != self.process.started

    def close(self) -> None:
        """Give the descriptor back."""
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None

    def __enter__(self) -> ProcessHandle:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def first_ended(handles: Sequence[ProcessHandle], timeout_s: float | None) -> ProcessHandle | None:
    """Wait until one of the processes has ended, ``None``: for ever; ``None`` where none has in that time."""
    deadline = None if timeout_s is None else monotonic() + timeout_s
    by_descriptor = {handle.descriptor: handle for handle in handles if handle.descriptor is not None}
    by_proc = [handle for handle in handles if handle.descriptor is None]
    # Not select.select(): it knows no descriptor above 1023. One for each call: it is no two threads' at once.
    poll = select.poll()
    for descriptor in by_descriptor:
        poll.register(descriptor, select.POLLIN)
    while True:
        left_s = None if deadline is None else max(0.0, deadline - monotonic())
        ended = next((handle for handle in by_proc if handle.has_ended_by_proc()), None)
        if ended is None:
            pause_s = min(POLL_INTERVAL_S, left_s if left_s is not None else POLL_INTERVAL_S) if by_proc else left_s
            # Rounded up: a wait of no whole millisecond would be none.
            ready = poll.poll(None if pause_s is None else math.ceil(pause_s * 1000))
            ended = next((by_descriptor[descriptor] for descriptor, _ in ready), None)
        if ended is not None or left_s == 0.0:
            return ended


def _pidfd(pid: int) -> int | None:
    """A pidfd, or ``None`` where the kernel or a seccomp filter gives none.

    Raises:
        ProcessLookupError: There is no such process.
        OSError: This process may open no more files.
    """
    try:
        return os.pidfd_open(pid)
    except (AttributeError, PermissionError):
        return None
    except OSError as error:
        if error.errno == errno.ENOSYS:
            return None
        raise


def _stat_fields(pid: int) -> list[str]:
    """The fields of ``/proc/<pid>/stat`` from the third, the state, on."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        raise ProcessLookupError(pid) from None
    # The name, in parentheses, may itself hold spaces and parentheses.
    return stat.rpartition(")")[2].split()


def describe(pid: int) -> str:
    """A process in words: ``nginx (pid 812)``; of a stack of ours, that it is one."""
    try:
        name = Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip()
        words = Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8", errors="replace").split("\0")
    except OSError:
        return f"? (pid {pid})"
    ours = next((word for word in words if word in _PROGRAMS_OF_OURS), None)
    return f"{ANOTHER_STACK} ({ours}, pid {pid})" if ours else f"{name} (pid {pid})"
