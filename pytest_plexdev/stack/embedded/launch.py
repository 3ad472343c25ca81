"""Start the supervisor of an embedded stack, forward its events, and stop it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from pytest_plexdev.core.interpreter import module_command
from pytest_plexdev.core.model import StackInfo
from pytest_plexdev.core.ownership.lock import look
from pytest_plexdev.core.paths import ensure_writable
from pytest_plexdev.core.poll import poll
from pytest_plexdev.core.private_files import open_private
from pytest_plexdev.core.process_id import ProcessHandle, ProcessId
from pytest_plexdev.core.program_log import log_start
from pytest_plexdev.core.progress import Progress
from pytest_plexdev.core.system_errors import system_errors
from pytest_plexdev.errors import SUPERVISOR_LOST, PlexdevError, decode_failure
from pytest_plexdev.stack.embedded.layout import make_directory
from pytest_plexdev.stack.embedded.owner import SUPERVISOR
from pytest_plexdev.stack.embedded.processes.child import last_lines
from pytest_plexdev.stack.embedded.processes.environment import supervisor_environment
from pytest_plexdev.stack.embedded.removal import remove_stack
from pytest_plexdev.stack.embedded.servers.postgres_template import TEMPLATES
from pytest_plexdev.stack.embedded.settings import EmbeddedSettings, SupervisorInput
from pytest_plexdev.stack.embedded.supervisor.protocol import decode_event
from pytest_plexdev.stack.embedded.warm import read_stack

if TYPE_CHECKING:
    from pytest_plexdev.stack.embedded.launcher import ForkServer

_STOP_TIMEOUT_S: Final = 5.0
"""After it the supervisor is killed, and the kernel kills its children. A stop usually takes 0.1 s."""


def bring_up(
    settings: EmbeddedSettings, directory: Path, progress: Progress, *, fork_server: ForkServer | None = None
) -> StackInfo:
    """Bring a stack up and return once it is ready.

    Args:
        fork_server: Starts the supervisor without its imports.
        directory: The stack's own directory, created here. After a failed bring-up it is kept if the error names a log.

    Raises:
        PlexdevError: ``server-exited``, ``server-silent``, ``program-unfinished``, ``port-taken``,
            ``extra-missing``, ``disk-full``, ``cache-unwritable``, ``state-unwritable``, ``system-refused``,
            ``postgres-version``, ``owned-elsewhere``, ``directory-taken``, ``untrusted-path``,
            ``bring-up-stopped`` or ``supervisor-lost``. No process of the stack is left running.
    """
    try:
        with system_errors("start the embedded stack", near=directory, cache=settings.cache):
            end(directory)
            _make_directories(settings, directory)
            _run_supervisor(settings, directory, progress, fork_server)
    except BaseException as error:
        if not (isinstance(error, PlexdevError) and "log" in error.facts):
            with contextlib.suppress(PlexdevError, OSError):
                remove_stack(directory)
                if isinstance(error, KeyboardInterrupt):
                    error.add_note("what had started of the embedded stack is stopped, and its files are removed")
        raise
    return read_stack(directory)


def _make_directories(settings: EmbeddedSettings, directory: Path) -> None:
    make_directory(directory, name=settings.id)
    # Checked once here: otherwise several programs would fail concurrently on a cache of another user.
    for each in (settings.cache, settings.cache / TEMPLATES):
        ensure_writable(each)


def _run_supervisor(
    settings: EmbeddedSettings, directory: Path, progress: Progress, fork_server: ForkServer | None
) -> None:
    supervisor = _Supervisor(directory, SupervisorInput(settings, directory), fork_server)
    try:
        supervisor.forward_events(progress)
    except BaseException:
        # Including Ctrl-C: the caller no longer waits, so nothing may continue in the background.
        supervisor.abandon()
        raise


def end(directory: Path) -> list[str] | None:
    """Stop the stack in *directory*, whoever started it, and remove its files.

    Returns:
        The names in the directory that do not belong to a stack; they are kept. ``None`` if there is no stack.

    Raises:
        PlexdevError: ``owned-elsewhere``: it runs in another container or PID namespace; ``untrusted-path``;
            ``undeletable``: the stack has stopped, but one of its files cannot be deleted.
    """
    supervisor = SUPERVISOR.find(directory)
    if supervisor is not None:
        with supervisor:
            _stop(supervisor)
    elif look(directory) is None:
        return None
    return remove_stack(directory)


def _stop(supervisor: ProcessHandle) -> None:
    for number, timeout_s in ((signal.SIGTERM, _STOP_TIMEOUT_S), (signal.SIGKILL, 1.0)):
        supervisor.send(number)
        if supervisor.wait(timeout_s):
            return


class _Supervisor:
    """The supervisor process, as its starter sees it during the bring-up."""

    def __init__(
        self, directory: Path, supervisor_input: SupervisorInput, fork_server: ForkServer | None = None
    ) -> None:
        self._directory = directory
        self._log = directory / "logs" / "supervisor.log"
        self._id: ProcessId | None = None
        # The supervisor writes to it too.
        with os.fdopen(open_private(self._log, os.O_WRONLY | os.O_CREAT | os.O_APPEND), "ab") as log:
            forked = fork_server.start(supervisor_input, log) if fork_server is not None else None
            self._pipe = forked or self._start(supervisor_input, log)

    def _start(self, supervisor_input: SupervisorInput, log: IO[bytes]) -> IO[bytes]:
        # The launcher forks the supervisor and exits at once: this process gets no zombie and no long-lived child.
        argv = module_command(SUPERVISOR.module)
        log_start(argv)
        launcher = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=supervisor_environment(),
            cwd=self._directory,
            start_new_session=True,
        )
        assert launcher.stdin is not None
        assert launcher.stdout is not None
        with contextlib.suppress(BrokenPipeError), launcher.stdin as stdin:
            stdin.write(supervisor_input.encode())
        launcher.wait()
        return launcher.stdout

    def forward_events(self, progress: Progress) -> None:
        """Forward events to *progress* until the stack is ready.

        Raises:
            PlexdevError: The bring-up failed; the supervisor has ended.
        """
        with self._pipe:
            for message in self._messages():
                if "supervisor" in message:
                    self._id = ProcessId(*message["supervisor"])
                elif "ready" in message:
                    return
                elif "failed" in message:
                    self._wait_for_end()
                    raise decode_failure(message["failed"])
                elif (event := decode_event(message)) is not None:
                    progress(event)
        raise PlexdevError(SUPERVISOR_LOST, detail=last_lines(self._log), log=str(self._log))

    def abandon(self) -> None:
        """Stop it, at any point of the bring-up."""
        self._pipe.close()
        supervisor = self._id.open() if self._id else self._find_started()
        if supervisor is not None:
            with supervisor:
                _stop(supervisor)

    def _messages(self) -> Iterator[dict[str, Any]]:
        for line in self._pipe:
            yield json.loads(line)

    def _wait_for_end(self) -> None:
        handle = self._id.open() if self._id else None
        if handle is not None:
            with handle:
                handle.wait(_STOP_TIMEOUT_S)

    def _find_started(self) -> ProcessHandle | None:
        # It owns its directory about 30 ms after its start. One that starts later stops when it finds the pipe closed.
        return poll(lambda: SUPERVISOR.find(self._directory), every_s=0.005, timeout_s=0.5)
