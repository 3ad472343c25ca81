"""The fork server of a process: started once, it starts further supervisors without their imports."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
from typing import IO, Final

from pytest_plexdev.core.interpreter import module_command
from pytest_plexdev.core.program_log import log_start
from pytest_plexdev.stack.embedded.owner import SUPERVISOR
from pytest_plexdev.stack.embedded.processes.environment import supervisor_environment
from pytest_plexdev.stack.embedded.settings import SupervisorInput
from pytest_plexdev.stack.embedded.supervisor.fork_server import ARGUMENT, READY

_START_TIMEOUT_S: Final = 60.0
_STOP_TIMEOUT_S: Final = 2.0


class ForkServer:
    """Starts supervisors for this process. Without its process, supervisors start in interpreters of their own."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.settimeout(_START_TIMEOUT_S)
        argv = [*module_command(SUPERVISOR.module), ARGUMENT]
        log_start(argv)
        with theirs:
            self._process = subprocess.Popen(
                argv,
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=supervisor_environment(),
                cwd="/",
                start_new_session=True,
            )
        self._is_ready: bool | None = None

    @property
    def pid(self) -> int:
        """The process id of the fork server."""
        return self._process.pid

    def start(self, supervisor_input: SupervisorInput, log: IO[bytes]) -> IO[bytes] | None:
        """Start a supervisor. Returns the pipe with its events; ``None`` if the fork server does not run."""
        if self._is_ready is None:
            with contextlib.suppress(OSError):
                self._is_ready = self._socket.recv(len(READY)) == READY
        if not self._is_ready:
            return None
        read_end, write_end = os.pipe()
        try:
            request = {
                "input": supervisor_input.encode().decode(),
                "environment": supervisor_environment(),
                "directory": str(supervisor_input.directory.absolute()),
            }
            socket.send_fds(self._socket, [json.dumps(request).encode()], [write_end, log.fileno()])
        except OSError:
            os.close(read_end)
            self._is_ready = False
            return None
        finally:
            os.close(write_end)
        return os.fdopen(read_end, "rb")

    def close(self) -> None:
        """End it. Stacks that it has started are not affected."""
        self._socket.close()
        try:
            self._process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
