"""A child process of the supervisor. The kernel signals it when the supervisor ends (``PR_SET_PDEATHSIG``).

Linux only: ``prctl`` and ``/proc``. Imports little, because the supervisor's start waits for this module.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shlex
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from pytest_plexdev.core.process_id import ProcessId

if TYPE_CHECKING:
    from pytest_plexdev.stack.embedded.processes.forked import ForkedProcess

_FORKED: Final = "pytest_plexdev.stack.embedded.processes.forked"
"""A module that only a fork server imports, and its forks have."""
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_CHILD_SUBREAPER: Final = 36
_LOG_TAIL_BYTES: Final = 16 * 1024

_libc: Final = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, kw_only=True)
class Command:
    """How to start and stop one child.

    Attributes:
        environment: The whole environment; nothing is inherited.
        inherit: The file descriptors that it inherits.
        stop_signal: Stops it. The kernel sends it when the supervisor ends.
        shutdown_signal: Stops it so that it can be started on its data again; ``None``: *stop_signal*.
        user: The user id to run as; ``None``: this process's.
        prepare: Called in the child before ``exec``.
    """

    argv: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    inherit: Sequence[int] = ()
    stop_signal: signal.Signals = signal.SIGKILL
    shutdown_signal: signal.Signals | None = None
    user: int | None = None
    prepare: Callable[[], None] | None = None


class Child:
    """A started child. ``handle`` reports its end, ``status`` its exit status."""

    def __init__(self, name: str, command: Command) -> None:
        self.name = name
        self.log = command.log
        self.user = os.geteuid() if command.user is None else command.user
        self.stop_signal = command.stop_signal
        self._shutdown_signal = command.shutdown_signal or command.stop_signal
        # To the supervisor's log. The logging module would delay the start of the API, which is the first child.
        sys.stderr.write(f"run: {shlex.join(command.argv)}\n")
        with command.log.open("ab") as log:
            self._process = _start(command, log)
        self.pid = self._process.pid
        # Even an ended child exists until its status is read, which only this process does.
        handle = ProcessId.of(self.pid).open()
        assert handle is not None
        self.handle = handle

    @property
    def status(self) -> int | None:
        """The exit status, negative for a signal; ``None`` while it runs."""
        return self._process.poll()

    def wait(self) -> int:
        """Wait for its end and return the exit status."""
        return self._process.wait()

    def send_stop_signal(self) -> None:
        self.send(self.stop_signal)

    def send_shutdown_signal(self) -> None:
        self.send(self._shutdown_signal)

    def send(self, number: signal.Signals) -> None:
        if self.status is None:
            self._process.send_signal(number)


def _start(command: Command, log: IO[bytes]) -> subprocess.Popen[bytes] | ForkedProcess:
    # Safe: the supervisor has one thread. Required: a child must never outlive the supervisor.
    bind = bind_to_parent(command.stop_signal, command.prepare)
    if _FORKED in sys.modules and command.user is None:
        from pytest_plexdev.stack.embedded.processes.forked import ForkedProcess, can_fork

        if can_fork(command.argv):
            return ForkedProcess(
                command.argv, environment=command.environment, log=log, inherit=command.inherit, bind=bind
            )
    return subprocess.Popen(
        command.argv,
        env=command.environment,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        pass_fds=command.inherit,
        user=command.user,
        group=command.user,
        extra_groups=None if command.user is None else (),
        preexec_fn=bind,
    )


def bind_to_parent(number: signal.Signals, prepare: Callable[[], None] | None) -> Callable[[], None]:
    parent = os.getpid()

    def bind() -> None:
        if prepare is not None:
            # First, because a change of credentials, which a user namespace is too, resets PR_SET_PDEATHSIG.
            prepare()
        _libc.prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return bind


def adopt_orphans() -> None:
    """Make this process the subreaper of its descendants: it becomes the parent of orphans and can kill them."""
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def kill_children() -> None:
    """Kill and reap all remaining children, including adopted orphans."""
    while children := _children():
        for pid in children:
            try:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            except (ProcessLookupError, ChildProcessError):
                continue


def descendants(pid: int | None = None) -> Iterator[int]:
    """Yield the descendants of a process, by default of this one, nearest first.

    Those that start or end meanwhile may be missing.
    """
    pending = deque(_children(pid))
    while pending:
        yield (pid := pending.popleft())
        with contextlib.suppress(OSError):
            pending += _children(pid)


def _children(pid: int | None = None) -> list[int]:
    tasks = Path(f"/proc/{pid or 'self'}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_bytes().split()]


def describe_status(status: int) -> str:
    """Format an exit status: ``exit status 7``, or the name of the signal."""
    if status >= 0:
        return f"exit status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"


def last_lines(log: Path, count: int = 15) -> str:
    """Return the last *count* lines of a log; empty if it cannot be read."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _LOG_TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.rstrip().splitlines()[-count:])
