"""Port-forwards to Postgres and NATS, which listen inside the cluster only. Each opens on first use."""

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
from pytest_plexdev.core.subprocesses import MINIMUM
from pytest_plexdev.errors import Failure, PlexdevError
from pytest_plexdev.errors.cluster import COMMAND_FAILED, COMMAND_UNFINISHED, KUBE_REFUSED, TOOL_MISSING
from pytest_plexdev.kube.resources import SECRET
from pytest_plexdev.stack.kind.constants import NATS_SECRET, NATS_URL, node_of

if TYPE_CHECKING:
    from pytest_plexdev.kube import KubeClient
    from pytest_plexdev.kube.resources import KubeObject

PORTS: Final[Mapping[str, int]] = MappingProxyType({"postgres": 5432, "nats": 4222})
"""The Services that one gets to, and their ports in the cluster (runbook)."""
DATABASE_SECRET: Final = "postgres-credentials"  # noqa: S105 (its name)
DATABASE_KEY: Final = "DATABASE_URL"
_OPEN_NATS: Final = "nats://nats:4222"
"""Of a NATS that asks for no password."""

_PATIENCE: Final = 10.0
"""Seconds until a way is open; it takes about a fifth of one."""
_LISTENS: Final = re.compile(r"Forwarding from (127\.0\.0\.1:\d+) -> ")
_NO_KUBELET: Final = re.compile(r"dial tcp \S+:10250: connect: connection refused")
"""What the API server says of a node whose kubelet, which carries port-forwards, does not listen."""
_LINES: Final = 10
"""Last lines of kubectl that an error shows."""
_TIED: Final = (
    "import ctypes, os, sys;"
    f"ctypes.CDLL(None).prctl(1, {int(signal.SIGKILL)}, 0, 0, 0);"
    "os.getppid() == int(sys.argv[1]) or os._exit(1);"
    "os.execvp(sys.argv[2], sys.argv[2:])"
)
"""Ties itself to its parent, whatever ends that, and becomes kubectl. A program rather than a function between fork
and exec: this process has threads, and such a function may wait for ever for a lock that one of them held."""


class Forwards:
    """The ways into one cluster that this process has open: one for each service, tied to this process."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._node = node_of(cluster.name)
        self._opened: dict[str, _Forward] = {}
        self._lock = threading.Lock()

    def url(self, service: str) -> str:
        """The URL of ``postgres`` or ``nats`` from this machine, with the user and the password of its Secret.

        NATS of a warm cluster has no Secret and asks for no password. In a cluster that is not ours none is looked for.

        Raises:
            PlexdevError: As :meth:`open`; ``kube-refused`` or ``cluster-unreachable`` for the Secret.
        """
        return _at(self._nats_url if service == "nats" else self._database_url, self.open(service))

    def open(self, service: str) -> str:
        """``127.0.0.1:port``, behind which the service is; one that ended (its Pod did) is opened again.

        Raises:
            PlexdevError: ``command-failed``, ``command-unfinished`` or ``tool-missing``.
        """
        with self._lock:
            forward = self._opened.get(service)
            if forward is None or forward.has_ended:
                forward = self._opened[service] = _Forward(self._command(service), service, self._node)
            return forward.address()

    def close(self) -> None:
        """Close them all. What is asked for after that is opened again."""
        with self._lock:
            for forward in self._opened.values():
                forward.end()
            self._opened.clear()

    def _command(self, service: str) -> Sequence[str]:
        if shutil.which("kubectl") is None:
            raise PlexdevError(TOOL_MISSING, program="kubectl", wanted=MINIMUM["kubectl"])
        at = self._cluster
        return (
            *("kubectl", "--kubeconfig", str(at.kubeconfig), "--context", at.context, "--namespace", at.namespace),
            *("port-forward", "--address", "127.0.0.1", f"--pod-running-timeout={_PATIENCE:g}s"),
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


def _at(url: str, address: str) -> str:
    """The URL with another host and port."""
    parts = urlsplit(url)
    who, at, _ = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{who}{at}{address}"))


class _Forward:
    """One ``kubectl port-forward``, and the thread that starts it and reads its output until it ends.

    The kernel ends a child together with the thread that started it, so that thread outlives the request.
    """

    def __init__(self, command: Sequence[str], service: str, node: str) -> None:
        self._command = command
        self._service = service
        self._node = node
        self._said: deque[str] = deque(maxlen=_LINES)
        self._process: Future[subprocess.Popen[str]] = Future()
        self._address: Future[str] = Future()
        self._thread = threading.Thread(target=self._live, name=f"plexdev-forward-{service}", daemon=True)
        try:
            self._thread.start()
        except RuntimeError as error:
            raise self._error(COMMAND_FAILED, status=f"its start: {error}") from None

    @property
    def has_ended(self) -> bool:
        """Whether it carries nothing any more."""
        return self._process.exception() is not None or self._process.result().poll() is not None

    def address(self) -> str:
        """Where it listens, as soon as it does."""
        try:
            return self._address.result(timeout=_PATIENCE)
        except TimeoutError:
            self.end()
            raise self._error(COMMAND_UNFINISHED, seconds=_PATIENCE) from None

    def end(self) -> None:
        """End it."""
        if self._process.exception() is None:
            self._process.result().kill()
        self._thread.join()

    def _live(self) -> None:
        try:
            process = self._start()
        except OSError as error:
            # No memory, or no room for another process: who asks for the address or the end is told, and not kept.
            failed = self._error(COMMAND_FAILED, status=f"its start: {error.strerror or error}")
            self._address.set_exception(failed)
            self._process.set_exception(failed)
            return
        self._process.set_result(process)
        assert process.stdout is not None
        with process.stdout as said:
            self._hear(said)
        status = process.wait()
        if not self._address.done():
            self._address.set_exception(self._error(COMMAND_FAILED, status=f"exit status {status}"))

    def _start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-IS", "-c", _TIED, str(os.getpid()), *self._command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            # Ctrl-C is for the tests: they may still want to say something to the database.
            start_new_session=True,
        )

    def _hear(self, said: IO[str]) -> None:
        # To the end, for a pipe that nobody reads fills up, and kubectl writes a line for each connection.
        for line in said:
            self._said.append(line.rstrip())
            listens = _LISTENS.match(line)
            if listens and not self._address.done():
                self._address.set_result(listens[1])

    def _error(self, failure: Failure, **facts: object) -> PlexdevError:
        said = "\n".join(self._said)
        purpose = f"{self._service} listens inside the cluster only, and this opens a way to it"
        fix = shlex.join([*self._command[: self._command.index("port-forward")], "get", "service,pod"])
        if _NO_KUBELET.search(said):
            purpose += ", through the node's kubelet, which does not run"
            fix = f"docker exec {self._node} systemctl restart kubelet"
        return PlexdevError(
            failure,
            detail=said,
            command=shlex.join(self._command),
            purpose=purpose,
            fix=fix,
            **facts,
        )
