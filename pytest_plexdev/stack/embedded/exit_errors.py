"""Detect at once that a server's process has ended, and build the error for it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from pytest_plexdev.core.model import KEPT_MARK, Service, StackInfo, Verdict
from pytest_plexdev.core.ownership.lock import is_owned
from pytest_plexdev.core.poll import poll
from pytest_plexdev.core.process_id import ProcessHandle, ProcessId, first_ended
from pytest_plexdev.errors import Failure, PlexdevError
from pytest_plexdev.stack.embedded.exit_records import ServerEnd, read_end
from pytest_plexdev.stack.embedded.health import verdicts
from pytest_plexdev.stack.embedded.log_files import read_log


class ServerProcesses:
    """Handles to the processes of a stack's servers. A handle stays valid when its pid is reused."""

    def __init__(self, services: Sequence[Service]) -> None:
        self._handles: dict[ProcessHandle, str] = {}
        self._gone: str | None = None
        for service in services:
            if service.pid is not None:
                self._open(service.name, service.pid)

    def _open(self, name: str, pid: int) -> None:
        try:
            handle = ProcessId.of(pid).open()
        except ProcessLookupError:
            handle = None
        if handle is None:
            self._gone = self._gone or name
        else:
            self._handles[handle] = name

    def first_ended(self, timeout_s: float) -> str | None:
        """Wait up to *timeout_s* seconds for a server to end. Returns its name, or ``None`` if all still run."""
        if self._gone is None and self._handles:
            ended = first_ended(tuple(self._handles), timeout_s)
            self._gone = self._handles[ended] if ended is not None else None
        return self._gone

    def close(self) -> None:
        """Close the handles."""
        for handle in self._handles:
            handle.close()
        self._handles.clear()


def exit_error(service: str, info: StackInfo, failure: Failure) -> PlexdevError:
    """Build the error for a server that ended, with the last lines of its log."""
    from pytest_plexdev.testkit.stack import LOG_LINES, log_location

    status, cause = _status_and_cause(service, info)
    return PlexdevError(
        failure,
        detail="\n".join(read_log(info, service).splitlines()[-LOG_LINES:]),
        service=service,
        status=status,
        cause=cause,
        log=log_location(info, service),
        restart=_restart_hint(info),
    )


def first_gone(info: StackInfo) -> str | None:
    """Probe all services and return the first that is gone."""
    return next((verdict.name for verdict in verdicts(info) if verdict.state == "gone"), None)


def _status_and_cause(service: str, info: StackInfo) -> tuple[str, str]:
    """How a server ended, and why if that is known."""
    # The supervisor notices the end at the same time and needs a moment to record it.
    gone = poll(lambda: _gone(service, info), every_s=0.02, timeout_s=0.5)
    if gone is None:
        return "an unknown status", "its stack has no record of the end"
    if is_owned(info.directory) and (end := _end_of(service, info)):
        return end.status, end.cause
    return "its stack", gone.headline


def _end_of(service: str, info: StackInfo) -> ServerEnd | None:
    return next((read_end(info.directory, each) for each in info.services if each.name == service), None)


def _gone(service: str, info: StackInfo) -> Verdict | None:
    return next((verdict for verdict in verdicts(info) if verdict.name == service and verdict.state == "gone"), None)


def _restart_hint(info: StackInfo) -> str:
    if (info.directory / KEPT_MARK).exists():
        return f"then end what is left: plexdev down --directory {shlex.quote(str(info.directory))}"
    if info.id == "warm":
        return f"then: plexdev down --stack embedded && {info.up_command}"
    return "then run again: the next run brings up a stack of its own"
