"""Request a change of a running stack from its supervisor, and forward the progress."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING

from pytest_plexdev.core.model import StackInfo
from pytest_plexdev.errors import STACK_BROKEN, SUPERVISOR_LOST, PlexdevError, decode_failure
from pytest_plexdev.stack.embedded.owner import SUPERVISOR, recovery_command
from pytest_plexdev.stack.embedded.processes.child import last_lines
from pytest_plexdev.stack.embedded.supervisor.control import socket_path
from pytest_plexdev.stack.embedded.supervisor.protocol import Change, decode_event
from pytest_plexdev.stack.embedded.warm import read_stack

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_plexdev.core.progress import Progress


def request(change: Change, directory: Path, progress: Progress) -> StackInfo:
    """Have the supervisor of the stack in *directory* make a change, and return the changed stack.

    A command that ends meanwhile does not stop the change: half of it would be an incomplete stack.

    Raises:
        PlexdevError: ``restart-failed``, ``stack-broken``, ``owned-elsewhere``, ``supervisor-lost``; what a bring-up
            raises.
    """
    with _connected(directory) as connection:
        connection.sendall(change.encode())
        with connection.makefile("rb") as lines:
            for message in map(json.loads, lines):
                if "ready" in message:
                    return read_stack(directory)
                if "failed" in message:
                    raise decode_failure(message["failed"])
                if (event := decode_event(message)) is not None:
                    progress(event)
    log = directory / "logs" / "supervisor.log"
    raise PlexdevError(SUPERVISOR_LOST, detail=last_lines(log), log=str(log))


def _connected(directory: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with socket_path(directory) as path:
            connection.connect(path)
    except (FileNotFoundError, ConnectionRefusedError):
        connection.close()
        # Raises owned-elsewhere if the supervisor is not visible here.
        if (supervisor := SUPERVISOR.find(directory)) is not None:
            supervisor.close()
        reason = "its supervisor takes no changes; it may be of another version of plexdev"
        fix = recovery_command(directory)
        raise PlexdevError(STACK_BROKEN, services="its supervisor does not answer", reason=reason, fix=fix) from None
    except BaseException:
        connection.close()
        raise
    return connection
