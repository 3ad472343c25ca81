"""Fork supervisors that need not import anything, for a process that starts one stack after the other.

The server imports what supervisors and the stack's programs import. It ends when the process that uses it closes the
connection or ends.
"""

from __future__ import annotations

import json
import os
import socket
import traceback
from collections.abc import Callable
from typing import Final

from pytest_plexdev.stack.embedded.processes.descriptors import close_all_but
from pytest_plexdev.stack.embedded.processes.forked import preload
from pytest_plexdev.stack.embedded.settings import SupervisorInput

ARGUMENT: Final = "--serve"
"""The argument of the supervisor's program that makes it a fork server."""
READY: Final = b"ready"
MAX_BYTES: Final = 1 << 17
"""Largest request; the kernel's limit for one message is higher."""


def serve(supervise: Callable[[SupervisorInput], int]) -> int:
    """Serve the connection at standard input. Returns the exit code.

    Args:
        supervise: Runs a supervisor and returns its exit code.
    """
    from pytest_plexdev.stack.embedded.processes import frozen  # noqa: F401 - for the supervisors
    from pytest_plexdev.stack.embedded.supervisor import loop  # noqa: F401 - as above

    preload()
    with socket.socket(fileno=os.dup(0)) as connection:
        connection.send(READY)
        while True:
            message, descriptors, _, _ = socket.recv_fds(connection, MAX_BYTES, 2)
            if not message:
                return 0
            child = os.fork()
            if not child:
                _become_supervisor(message, descriptors, supervise)
            for descriptor in descriptors:
                os.close(descriptor)
            os.waitpid(child, 0)  # ends at once: it detaches


def _become_supervisor(message: bytes, descriptors: list[int], supervise: Callable[[SupervisorInput], int]) -> None:
    status = 1
    try:
        events, log = descriptors
        null = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((null, 0), (events, 1), (log, 2)):
            os.dup2(source, target)
        close_all_but(())
        os.setsid()
        request = json.loads(message)
        os.environ.clear()
        os.environ.update(request["environment"])
        os.chdir(request["directory"])
        status = supervise(SupervisorInput.decode(request["input"].encode()))
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)
