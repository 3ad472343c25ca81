"""One ``kubectl port-forward``: a child process that ends with this one, and the thread that reads its output."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from typing import IO, Final

from pytest_plexdev.core.program_log import log_start
from pytest_plexdev.errors import Failure, PlexdevError
from pytest_plexdev.errors.cluster import COMMAND_FAILED, COMMAND_UNFINISHED

TIMEOUT_S: Final = 10.0
"""Time limit for opening a port-forward; it takes about 0.2 s."""
_LISTENING: Final = re.compile(r"Forwarding from (127\.0\.0\.1:\d+) -> ")
_NO_KUBELET: Final = re.compile(r"dial tcp \S+:10250: connect: connection refused")
"""The API server's message if the node's kubelet, which serves port-forwards, does not listen."""
_OUTPUT_LINES: Final = 10
"""Last lines of kubectl's output that an error shows."""
_EXEC_TIED_TO_PARENT: Final = (
    "import ctypes, os, sys;"
    f"ctypes.CDLL(None).prctl(1, {int(signal.SIGKILL)}, 0, 0, 0);"
    "os.getppid() == int(sys.argv[1]) or os._exit(1);"
    "os.execvp(sys.argv[2], sys.argv[2:])"
)
"""A program that sets PR_SET_PDEATHSIG, so that the kernel kills it when its parent ends, and then executes kubectl.
Not a ``preexec_fn``: this process has threads, and a function between fork and exec can deadlock on their locks."""


class PortForward:
    """One ``kubectl port-forward``, and the thread that starts it and reads its output.

    The kernel kills the child when the thread that started it ends, so this thread lives as long as the child.
    """

    def __init__(self, command: Sequence[str], service: str, node: str) -> None:
        self._command = command
        self._service = service
        self._node = node
        self._output: deque[str] = deque(maxlen=_OUTPUT_LINES)
        self._process: Future[subprocess.Popen[str]] = Future()
        self._address: Future[str] = Future()
        self._thread = threading.Thread(target=self._run, name=f"plexdev-forward-{service}", daemon=True)
        try:
            self._thread.start()
        except RuntimeError as error:
            raise self._error(COMMAND_FAILED, status=f"its start: {error}") from None

    @property
    def has_ended(self) -> bool:
        """Whether kubectl has ended or could not be started."""
        return self._process.exception() is not None or self._process.result().poll() is not None

    def address(self) -> str:
        """Wait until it listens, and return its address."""
        try:
            return self._address.result(timeout=TIMEOUT_S)
        except TimeoutError:
            self.stop()
            raise self._error(COMMAND_UNFINISHED, seconds=TIMEOUT_S) from None

    def stop(self) -> None:
        """Kill kubectl and join the thread."""
        if self._process.exception() is None:
            self._process.result().kill()
        self._thread.join()

    def _run(self) -> None:
        try:
            process = self._start()
        except OSError as error:
            # Out of memory or processes: fail both futures, so that no caller waits for ever.
            failed = self._error(COMMAND_FAILED, status=f"its start: {error.strerror or error}")
            self._address.set_exception(failed)
            self._process.set_exception(failed)
            return
        self._process.set_result(process)
        assert process.stdout is not None
        with process.stdout as output:
            self._read_output(output)
        status = process.wait()
        if not self._address.done():
            self._address.set_exception(self._error(COMMAND_FAILED, status=f"exit status {status}"))

    def _start(self) -> subprocess.Popen[str]:
        log_start(self._command)
        return subprocess.Popen(
            [sys.executable, "-IS", "-c", _EXEC_TIED_TO_PARENT, str(os.getpid()), *self._command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            # Ctrl-C must not stop it: the tests' teardown may still need the database.
            start_new_session=True,
        )

    def _read_output(self, output: IO[str]) -> None:
        # Read to the end: kubectl writes a line for each connection, and would block on a full pipe.
        for line in output:
            self._output.append(line.rstrip())
            listens = _LISTENING.match(line)
            if listens and not self._address.done():
                self._address.set_result(listens[1])

    def _error(self, failure: Failure, **facts: object) -> PlexdevError:
        output = "\n".join(self._output)
        purpose = f"{self._service} listens inside the cluster only, and this opens a way to it"
        fix = shlex.join([*self._command[: self._command.index("port-forward")], "get", "service,pod"])
        if _NO_KUBELET.search(output):
            purpose += ", through the node's kubelet, which does not run"
            fix = f"docker exec {self._node} systemctl restart kubelet"
        return PlexdevError(
            failure,
            detail=output,
            command=shlex.join(self._command),
            purpose=purpose,
            fix=fix,
            **facts,
        )
