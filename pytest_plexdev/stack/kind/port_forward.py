"""Port-forwards to Postgres and NATS, which listen only inside the cluster. Each opens on first use."""

from __future__ import annotations

import base64
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from types import MappingProxyType
from typing import IO, TYPE_CHECKING, Final
from urllib.parse import urlsplit, urlunsplit

from pytest_plexdev.core.model import Cluster
from pytest_plexdev.core.program_log import log_start
from pytest_plexdev.core.subprocesses import MINIMUM
from pytest_plexdev.errors import Failure, PlexdevError
from pytest_plexdev.errors.cluster import COMMAND_FAILED, COMMAND_UNFINISHED, KUBE_REFUSED, TOOL_MISSING
from pytest_plexdev.kube.resources import SECRET
from pytest_plexdev.stack.kind.constants import NATS_SECRET, NATS_URL, node_of

if TYPE_CHECKING:
    from pytest_plexdev.kube import KubeClient
    from pytest_plexdev.kube.resources import KubeObject

PORTS: Final[Mapping[str, int]] = MappingProxyType({"postgres": 5432, "nats": 4222})
"""The Services that can be forwarded, and their ports in the cluster (runbook)."""
DATABASE_SECRET: Final = "postgres-credentials"  # noqa: S105 (its name)
DATABASE_KEY: Final = "DATABASE_URL"
_OPEN_NATS: Final = "nats://nats:4222"
"""The URL of a NATS that requires no password."""

_TIMEOUT_S: Final = 10.0
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
"""A program that asks the kernel to kill it when its parent ends, and then executes kubectl. Not a ``preexec_fn``: this
process has threads, and a function between fork and exec can deadlock on a lock that one of them held."""


class Forwards:
    """The port-forwards of this process into one cluster: one per service. They stop with this process."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._node = node_of(cluster.name)
        self._opened: dict[str, _Forward] = {}
        self._lock = threading.Lock()

    def url(self, service: str) -> str:
        """The URL of ``postgres`` or ``nats`` on this machine, with the user and the password from its Secret.

        NATS of a warm cluster has no Secret and requires no password. In a cluster that is not ours, its Secret is not
        read.

        Raises:
            PlexdevError: What :meth:`open` raises; ``kube-refused`` or ``cluster-unreachable`` for the Secret.
        """
        return _with_address(self._nats_url if service == "nats" else self._database_url, self.open(service))

    def open(self, service: str) -> str:
        """Open a port-forward to a service, or return the open one. One that ended, with its Pod, is opened again.

        Returns:
            ``127.0.0.1:port``.

        Raises:
            PlexdevError: ``command-failed``, ``command-unfinished`` or ``tool-missing``.
        """
        with self._lock:
            forward = self._opened.get(service)
            if forward is None or forward.has_ended:
                forward = self._opened[service] = _Forward(self._command(service), service, self._node)
            return forward.address()

    def close(self) -> None:
        """Close all port-forwards. They reopen on the next use."""
        with self._lock:
            for forward in self._opened.values():
                forward.stop()
            self._opened.clear()

    def _command(self, service: str) -> Sequence[str]:
        if shutil.which("kubectl") is None:
            raise PlexdevError(TOOL_MISSING, program="kubectl", wanted=MINIMUM["kubectl"])
        at = self._cluster
        return (
            *("kubectl", "--kubeconfig", str(at.kubeconfig), "--context", at.context, "--namespace", at.namespace),
            *("port-forward", "--address", "127.0.0.1", f"--pod-running-timeout={_TIMEOUT_S:g}s"),
            *(f"svc/{service}", f":{PORTS[service]}"),
        )

    @property
    def _database_url(self) -> str:
        with self._client() as client:
            secret = client.get(SECRET, DATABASE_SECRET, self._cluster.namespace)
            url = _value(secret, DATABASE_KEY)
            if url is None:
                raise PlexdevError(
                    KUBE_REFUSED,
                    verb="read the user of Postgres from",
                    object=f"Secret {DATABASE_SECRET}",
                    reason=f"it has no {DATABASE_KEY}" if secret else "it does not exist",
                    message=f"the dev stack keeps Postgres' user and password there ({DATABASE_KEY})",
                    fix=client.command("get", "secret", DATABASE_SECRET, "--namespace", self._cluster.namespace),
                )
        return url

    @property
    def _nats_url(self) -> str:
        if not self._cluster.owned:
            return _OPEN_NATS
        with self._client() as client:
            return _value(client.get(SECRET, NATS_SECRET, self._cluster.namespace), NATS_URL) or _OPEN_NATS

    def _client(self) -> KubeClient:
        from pytest_plexdev.kube import KubeClient, read_access

        access = read_access(self._cluster.kubeconfig, self._cluster.context)
        assert access is not None, "our own file has our context"
        return KubeClient(access)


def _value(secret: KubeObject | None, key: str) -> str | None:
    encoded = ((secret or {}).get("data") or {}).get(key)
    return None if encoded is None else base64.b64decode(encoded).decode()


def _with_address(url: str, address: str) -> str:
    """Replace the host and port of a URL."""
    parts = urlsplit(url)
    user, at, _ = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user}{at}{address}"))


class _Forward:
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
            return self._address.result(timeout=_TIMEOUT_S)
        except TimeoutError:
            self.stop()
            raise self._error(COMMAND_UNFINISHED, seconds=_TIMEOUT_S) from None

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
