"""Record how a server ended, in one file per server in the stack's directory, and read it again."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from pathlib import Path

from pytest_plexdev.core.clock import unix_time
from pytest_plexdev.core.files import write_atomic
from pytest_plexdev.core.model import Service
from pytest_plexdev.core.private_files import read_private
from pytest_plexdev.core.untrusted_json import decode_file
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.stack.embedded.processes.child import last_lines
from pytest_plexdev.stack.embedded.processes.ending import describe_end
from pytest_plexdev.stack.embedded.removal import ENDS


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


def write_end(directory: Path, server: str, status: int) -> None:
    """Record that *server* ended now with exit *status*, which is negative for a signal. Ignores a full disk."""
    with contextlib.suppress(OSError):
        write_atomic(_file(directory, server), json.dumps({"status": status, "at": unix_time()}).encode())


def read_end(directory: Path, service: Service) -> ServerEnd | None:
    """Return the recorded end of a service's server, or ``None`` if no valid record exists."""
    with contextlib.suppress(OSError, ValueError, TypeError, RecursionError, PlexdevError):
        match decode_file(read_private(_file(directory, service.name))):
            case {"status": int(status), "at": float(at)}:
                log = last_lines(service.log) if service.log else ""
                words, cause = describe_end(status, log)
                return ServerEnd(status=words, cause=cause, log=log, at=at)
    return None


def _file(directory: Path, server: str) -> Path:
    return directory / ENDS / f"{server}.json"
