"""Record how a server ended, in one file per server in the stack's directory, and describe the recorded end."""

from __future__ import annotations

import contextlib
import json
import re
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_plexdev.core.atomic_write import write_atomic
from pytest_plexdev.core.clock import unix_time
from pytest_plexdev.core.model import Service
from pytest_plexdev.core.private_files import read_private
from pytest_plexdev.core.untrusted_json import decode_file
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.stack.embedded.processes.child import describe_status, last_lines
from pytest_plexdev.stack.embedded.removal import ENDS

BY_TEST: Final = "the test ended it"
_OUTSIDE: Final = "something outside the stack sent it that signal"
_KILLED: Final = "something outside the stack killed it, or the kernel did because memory ran out (dmesg)"
_CRASHES: Final = frozenset(
    -number for number in (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE)
)
_STOPPED_BY_SIGNAL: Final = re.compile(
    r"stopping on signal.*signal=(SIG[A-Z]+)"  # our own programs
    r"|(Initiating Shutdown)\.\.\."  # nats-server, whose exit status is 1 after a SIGTERM
    r"|received (smart|fast|immediate) shutdown request"  # postgres
)
_SIGNALS: Final = {
    "Initiating Shutdown": "a signal to end",
    "smart": "SIGTERM",
    "fast": "SIGINT",
    "immediate": "SIGQUIT",
}
"""The signals for the words in the servers' logs."""


@dataclass(frozen=True, kw_only=True)
class ServerEnd:
    """The end of a server that the stack did not stop.

    Attributes:
        status: The exit status, or the name of the signal.
        cause: What ended it, if the status and the log show it.
        log: The last lines of its log.
        at: Unix time in seconds.
    """

    status: str
    cause: str
    log: str
    at: float


def write_end(directory: Path, server: str, status: int, *, cause: str = "") -> None:
    """Record that *server* ended now with exit *status*, which is negative for a signal. Ignores a full disk.

    Args:
        cause: What ended it, if that is known.
    """
    with contextlib.suppress(OSError):
        end = {"status": status, "at": unix_time(), "cause": cause}
        write_atomic(_file(directory, server), json.dumps(end).encode())


def read_end(directory: Path, service: Service) -> ServerEnd | None:
    """Return the recorded end of a service's server, or ``None`` if no valid record exists."""
    with contextlib.suppress(OSError, ValueError, TypeError, RecursionError, PlexdevError):
        match decode_file(read_private(_file(directory, service.name))):
            case {"status": int(status), "at": float(at), **others}:
                log = last_lines(service.log) if service.log else ""
                words, cause = describe_end(status, log)
                return ServerEnd(status=words, cause=BY_TEST if others.get("cause") else cause, log=log, at=at)
    return None


def describe_end(status: int, log_tail: str) -> tuple[str, str]:
    """Describe how and why a server ended that the stack did not stop.

    Args:
        status: Its exit status, negative for a signal.
        log_tail: The last lines of its log.
    """
    words = describe_status(status)
    matches = _STOPPED_BY_SIGNAL.findall(log_tail)
    if status >= 0 and matches:
        name = next(group for group in matches[-1] if group)
        return f"{_SIGNALS.get(name, name)} ({words})", _OUTSIDE
    if status == 0:
        return words, "the stack did not stop it, and its log does not name the reason"
    if status > 0:
        return words, "it failed by itself"
    if status == -signal.SIGKILL:
        return words, _KILLED
    return words, "it crashed" if status in _CRASHES else _OUTSIDE


def _file(directory: Path, server: str) -> Path:
    return directory / ENDS / f"{server}.json"
