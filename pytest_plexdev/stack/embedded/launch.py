"""Start the supervisor of an embedded stack, follow its events, and end it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final

from pytest_plexdev.core.interpreter import module_command
from pytest_plexdev.core.model import Progress, StackInfo
from pytest_plexdev.core.ownership.lock import look
from pytest_plexdev.core.paths import ensure_writable
from pytest_plexdev.core.poll import poll
from pytest_plexdev.core.private_files import open_private
from pytest_plexdev.core.process_id import ProcessHandle, ProcessId
from pytest_plexdev.core.system_errors import system_errors
from pytest_plexdev.errors import SUPERVISOR_LOST, PlexdevError, decode_failure
from pytest_plexdev.stack.embedded.layout import make_directory
from pytest_plexdev.stack.embedded.owner import SUPERVISOR
from pytest_plexdev.stack.embedded.processes.child import last_lines
from pytest_plexdev.stack.embedded.processes.environment import supervisor_environment
from pytest_plexdev.stack.embedded.removal import remove_stack
from pytest_plexdev.stack.embedded.servers.postgres_template import TEMPLATES
from pytest_plexdev.stack.embedded.settings import EmbeddedSettings, Order
from pytest_plexdev.stack.embedded.supervisor.protocol import decode_event
from pytest_plexdev.stack.embedded.warm import read_stack

_LONGEST_STOP: Final = 5.0
"""Seconds; a stop takes a tenth of one. After that the supervisor is killed, and its children with it."""


def bring_up(settings: EmbeddedSettings, directory: Path, progress: Progress) -> StackInfo:
    """Bring a stack up and return once it is ready.

    Args:
        directory: The stack's own directory, created here. After a failed bring-up it stays if the error names a log.

    Raises:
        PlexdevError: ``server-exited``, ``server-silent``, ``program-unfinished``, ``port-taken``,
            ``extra-missing``, ``disk-full``, ``cache-unwritable``, ``state-unwritable``, ``system-refused``,
            ``postgres-version``, ``owned-elsewhere``, ``directory-taken``, ``untrusted-path`` or
            ``supervisor-lost``; nothing is left running then.
    """
    try:
        with system_errors("start the embedded stack", near=directory, cache=settings.cache):
            end(directory)
            _make_directories(settings, directory)
            _run_supervisor(settings, directory, progress)
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
    # Before anything starts: the cache of another user is found out by several programs at once otherwise.
    for each in (settings.cache, settings.cache / TEMPLATES):
        ensure_writable(each)


def _run_supervisor(settings: EmbeddedSettings, directory: Path, progress: Progress) -> None:
    supervisor = _Supervisor(directory, Order(settings, directory))
    try:
        supervisor.listen(progress)
    except BaseException:
        # Ctrl-C included: the caller has stopped waiting, so nothing may continue in the background.
        supervisor.abandon()
        raise


def end(directory: Path) -> list[str] | None:
    """End the stack in ``directory``, however it was brought up, and remove what is left of it.

    Returns:
        The names in the directory that are not a stack's: they stay. ``None`` where there is no stack.

    Raises:
        PlexdevError: ``owned-elsewhere``: it runs in another container or PID namespace; ``untrusted-path``;
            ``undeletable``: it has ended, and a file of it is left.
    """
    supervisor = SUPERVISOR.find(directory)
    if supervisor is not None:
        with supervisor:
            _end(supervisor)
    elif look(directory) is None:
        return None
    return remove_stack(directory)


def _end(supervisor: ProcessHandle) -> None:
    for number, patience in ((signal.SIGTERM, _LONGEST_STOP), (signal.SIGKILL, 1.0)):
        supervisor.send(number)
        if supervisor.wait(patience):
            return


class _Supervisor:
    """One supervisor during the bring-up that we asked for."""

    def __init__(self, directory: Path, order: Order) -> None:
        self._directory = directory
        self._log = directory / "logs" / "supervisor.log"
        self._id: ProcessId | None = None
        self._words = self._start(order)

    def _start(self, order: Order) -> IO[bytes]:
        # It detaches at once, so this process ends at once: no zombie, no child that a test runner trips over.
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        with os.fdopen(open_private(self._log, flags), "ab") as log:
            launcher = subprocess.Popen(
                module_command(SUPERVISOR.module),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=supervisor_environment(),
                cwd=self._directory,
                start_new_session=True,
            )
        assert launcher.stdin is not None
        assert launcher.stdout is not None
        with contextlib.suppress(BrokenPipeError), launcher.stdin as orders:
            orders.write(order.encode())
        launcher.wait()
        return launcher.stdout

    def listen(self, progress: Progress) -> None:
        """Pass events on until the stack is ready.

        Raises:
            PlexdevError: The bring-up failed; the supervisor has ended.
        """
        with self._words:
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
        """End it, whatever it was doing."""
        self._words.close()
        supervisor = self._id.open() if self._id else self._appeared()
        if supervisor is not None:
            with supervisor:
                _end(supervisor)

    def _messages(self) -> Iterator[dict[str, Any]]:
        for line in self._words:
            yield json.loads(line)

    def _wait_for_end(self) -> None:
        handle = self._id.open() if self._id else None
        if handle is not None:
            with handle:
                handle.wait(_LONGEST_STOP)

    def _appeared(self) -> ProcessHandle | None:
        # It owns its directory within some 30 ms of its start; one that never did finds its reader gone by itself.
        return poll(lambda: SUPERVISOR.find(self._directory), every_s=0.005, timeout_s=0.5)
