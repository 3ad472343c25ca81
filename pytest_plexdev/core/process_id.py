"""Identify a process by its pid and start time, and wait for its end by a handle.

Linux only: pidfds and ``/proc``. Without pidfds (old kernels, seccomp filters of older container engines), ``/proc`` is
read every few milliseconds instead.
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
"""Seconds between two reads of ``/proc`` for a process without a pidfd."""
_PROGRAMS_OF_OURS: Final = frozenset(
    {
        "plexsphere_reference",
        "pytest_plexdev.stack.embedded.dex_standin",
        # Its forks, which run one of the above.
        "pytest_plexdev.stack.embedded.supervisor",
    }
)
_ENDED_STATES: Final = frozenset({"Z", "X", "x"})
"""``proc(5)``: a zombie has ended and waits for its parent to read its status."""


_LARGEST_PID: Final = 2**22
"""``proc(5)``: the largest possible ``pid_max``."""


@dataclass(frozen=True)
class ProcessId:
    """A unique process: a pid can be reused, but not a pid with its start time.

    Attributes:
        started: Its start, in clock ticks since boot (``proc(5)``, field 22 of ``stat``).
    """

    pid: int
    started: int

    @classmethod
    def of(cls, pid: int) -> ProcessId:
        """Return the process that has this pid now.

        Raises:
            ProcessLookupError: No process has it.
        """
        return cls(pid, int(_stat_fields(pid)[19]))

    @classmethod
    def noted(cls, note: Mapping[str, Any]) -> ProcessId:
        """Return the process that a note names.

        Raises:
            ValueError: The note contains no valid pid and start time.
        """
        pid, started = note.get("pid"), note.get("started")
        if type(pid) is not int or type(started) is not int or not 0 < pid <= _LARGEST_PID:
            raise ValueError("it names no process")
        return cls(pid, started)

    @property
    def is_alive(self) -> bool:
        """Whether it still runs. A zombie does not."""
        handle = self.open()
        if handle is None:
            return False
        with handle:
            return not handle.wait(0)

    def open(self) -> ProcessHandle | None:
        """Open a handle of the process; ``None`` if it has ended.

        Raises:
            OSError: This process has too many open files.
        """
        try:
            descriptor = _pidfd(self.pid)
        except ProcessLookupError:
            return None
        handle = ProcessHandle(self, descriptor)
        # An open pidfd prevents the reuse of the pid, so compare after opening.
        with contextlib.suppress(ProcessLookupError):
            if ProcessId.of(self.pid) == self:
                return handle
        handle.close()
        return None


class ProcessHandle:
    """An open reference to a process, which may end in the meantime.

    Attributes:
        descriptor: A pidfd, readable once the process has ended; ``None`` if pidfds are not available.
    """

    def __init__(self, process: ProcessId, descriptor: int | None) -> None:
        self.process = process
        self.descriptor = descriptor

    def wait(self, timeout_s: float | None) -> bool:
        """Wait for the end of the process; ``None``: without limit. Returns whether it has ended."""
        return first_ended([self], timeout_s) is not None

    def send(self, number: signal.Signals) -> None:
        """Send it a signal. Nothing happens if it has ended."""
        with contextlib.suppress(ProcessLookupError):
            if self.descriptor is not None:
                signal.pidfd_send_signal(self.descriptor, number)
            elif not self.has_ended_by_proc():
                os.kill(self.process.pid, number)

    def has_ended_by_proc(self) -> bool:
        """Whether it has ended according to ``/proc``, for a handle without a descriptor."""
        try:
            fields = _stat_fields(self.process.pid)
        except ProcessLookupError:
            return True
        return fields[0] in _ENDED_STATES or int(fields[19]) != self.process.started

    def close(self) -> None:
        """Close the descriptor."""
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None

    def __enter__(self) -> ProcessHandle:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def first_ended(handles: Sequence[ProcessHandle], timeout_s: float | None) -> ProcessHandle | None:
    """Wait until one of the processes has ended and return it; ``None`` on timeout. *timeout_s* ``None``: no limit."""
    deadline = None if timeout_s is None else monotonic() + timeout_s
    by_descriptor = {handle.descriptor: handle for handle in handles if handle.descriptor is not None}
    by_proc = [handle for handle in handles if handle.descriptor is None]
    # select.select() supports no descriptor above 1023. A poll object must not be shared by threads.
    poll = select.poll()
    for descriptor in by_descriptor:
        poll.register(descriptor, select.POLLIN)
    while True:
        left_s = None if deadline is None else max(0.0, deadline - monotonic())
        ended = next((handle for handle in by_proc if handle.has_ended_by_proc()), None)
        if ended is None:
            pause_s = min(POLL_INTERVAL_S, left_s if left_s is not None else POLL_INTERVAL_S) if by_proc else left_s
            # Rounded up to a whole millisecond; 0 would not wait.
            ready = poll.poll(None if pause_s is None else math.ceil(pause_s * 1000))
            ended = next((by_descriptor[descriptor] for descriptor, _ in ready), None)
        if ended is not None or left_s == 0.0:
            return ended


def _pidfd(pid: int) -> int | None:
    """Open a pidfd; ``None`` if the kernel or a seccomp filter does not allow it.

    Raises:
        ProcessLookupError: The process does not exist.
        OSError: This process has too many open files.
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
    """Read the fields of ``/proc/<pid>/stat`` from the third, the state, on."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        raise ProcessLookupError(pid) from None
    # The name, in parentheses, may contain spaces and parentheses.
    return stat.rpartition(")")[2].split()


def describe(pid: int) -> str:
    """Describe a process: ``nginx (pid 812)``, or as a program of another plexdev stack."""
    try:
        name = Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip()
        words = Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8", errors="replace").split("\0")
    except OSError:
        return f"? (pid {pid})"
    ours = next((word for word in words if word in _PROGRAMS_OF_OURS), None)
    return f"{ANOTHER_STACK} ({ours}, pid {pid})" if ours else f"{name} (pid {pid})"
