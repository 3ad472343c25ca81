"""A child process of the supervisor: tied to its parent by the kernel, and ended with it.

Linux only: ``prctl`` and ``/proc``. Imports little, since the supervisor's start waits for it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_plexdev.core.process_id import ProcessId

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_CHILD_SUBREAPER: Final = 36
_LOG_TAIL_BYTES: Final = 16 * 1024

_libc: Final = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, kw_only=True)
class Command:
    """What to run: the whole environment, the descriptors that it inherits, and how it is asked to end.

    Attributes:
        stop_signal: Sent to end it, and by the kernel when the supervisor dies.
        prepare: Runs in the child before ``exec``, after it is tied to its parent.
    """

    argv: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    inherit: Sequence[int] = ()
    stop_signal: signal.Signals = signal.SIGKILL
    user: int | None = None
    prepare: Callable[[], None] | None = None


class Child:
    """A running child of *user*. ``handle`` tells when it has ended, ``status`` how."""

    def __init__(self, name: str, command: Command) -> None:
        self.name = name
        self.log = command.log
        self.user = os.geteuid() if command.user is None else command.user
        self.stop_signal = command.stop_signal
        with command.log.open("ab") as log:
            self._process = subprocess.Popen(
                command.argv,
                env=command.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=command.inherit,
                user=command.user,
                group=command.user,
                extra_groups=None if command.user is None else (),
                # The supervisor runs one thread; a child must not outlive it by a single instruction.
                preexec_fn=_tied_to_parent(command.stop_signal, command.prepare),
            )
        self.pid = self._process.pid
        # It is there until its status is read, which only this process does.
        handle = ProcessId.of(self.pid).open()
        assert handle is not None
        self.handle = handle

    @property
    def status(self) -> int | None:
        """Its exit status, negative for a signal; ``None`` while it runs."""
        return self._process.poll()

    def wait(self) -> int:
        """Its exit status, once it has ended."""
        return self._process.wait()

    def ask_to_end(self) -> None:
        self.send(self.stop_signal)

    def send(self, number: signal.Signals) -> None:
        if self.status is None:
            self._process.send_signal(number)


def _tied_to_parent(number: signal.Signals, prepare: Callable[[], None] | None) -> Callable[[], None]:
    parent = os.getpid()

    def tie() -> None:
        if prepare is not None:
            # First: a change of credentials, a user namespace among them, takes the tie off again.
            prepare()
        _libc.prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return tie


def adopt_orphans() -> None:
    """Make this process the parent of its descendants' orphans, so that it can end them."""
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_children() -> None:
    """Kill and reap every child that is left, adopted orphans included."""
    while children := _children():
        for pid in children:
            try:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            except (ProcessLookupError, ChildProcessError):
                continue


def descendants() -> Iterator[int]:
    """The processes below this one, nearest first; those that start or end meanwhile may be missing."""
    pending = deque(_children())
    while pending:
        yield (pid := pending.popleft())
        with contextlib.suppress(OSError):
            pending += _children(pid)


def _children(pid: int | None = None) -> list[int]:
    tasks = Path(f"/proc/{pid or 'self'}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_bytes().split()]


def describe_status(status: int) -> str:
    """``exit status 7``, or the signal by name."""
    if status >= 0:
        return f"exit status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"


def last_lines(log: Path, count: int = 15) -> str:
    """The last lines of a log; empty where there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _LOG_TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.rstrip().splitlines()[-count:])
