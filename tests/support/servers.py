"""Real servers that a test starts and stops; they end with pytest, even if it is killed."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NoReturn

import httpx
import psycopg
import pytest

from pytest_plexdev.stack.embedded.processes.child import bind_to_parent
from pytest_plexdev.stack.embedded.servers.passwd_entry import has_entry, with_entry
from pytest_plexdev.stack.embedded.servers.postgres_data import find_binaries
from pytest_plexdev.stack.embedded.servers.postgres_user import run_as
from tests.support.server_process import ServerProcess

_SETTINGS = ("listen_addresses=", "fsync=off", "max_connections=200", "dynamic_shared_memory_type=mmap")
_TIMEOUT_S = 20.0


class PostgresServer:
    """A Postgres 16 with an empty database ``plexsphere``; its data outlives :meth:`stop`."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="plexdev-pg-", dir="/tmp"))
        self.url = f"postgresql://plexsphere@/plexsphere?host={self.directory}"
        self._user = run_as("auto")
        self._binaries = self._user.make_reachable(find_binaries(None), self.directory)
        self._process: subprocess.Popen[bytes] | None = None
        options = ["-U", "plexsphere", "-A", "trust", "--encoding=UTF8", "--locale=C.UTF-8", "-N"]
        initdb = self._spawn(["initdb", "-D", str(self._data), *options], environment=self._with_user())
        assert initdb.wait() == 0, self._log.read_text()
        self.start()
        with psycopg.connect(self._maintenance_url, autocommit=True) as connection:
            connection.execute("CREATE DATABASE plexsphere")

    def start(self) -> None:
        """Start, and return when it answers."""
        settings = [word for setting in _SETTINGS for word in ("-c", setting)]
        self._process = self._spawn(["postgres", "-D", str(self._data), "-k", str(self.directory), *settings])
        deadline = time.monotonic() + _TIMEOUT_S
        while not self._answers():
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < deadline, self._log.read_text()

    def stop(self) -> None:
        """Stop at once, like a failing server: sessions are cut, and no checkpoint is written."""
        assert self._process is not None
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait()

    def remove(self) -> None:
        """Stop, and delete the data."""
        self.stop()
        shutil.rmtree(self.directory)

    @property
    def _log(self) -> Path:
        return self.directory / "log"

    @property
    def _data(self) -> Path:
        return self.directory / "data"

    @property
    def _maintenance_url(self) -> str:
        return self.url.replace("/plexsphere?", "/postgres?")

    def _answers(self) -> bool:
        try:
            psycopg.connect(self._maintenance_url).close()
        except psycopg.OperationalError:
            return False
        return True

    def _with_user(self) -> Mapping[str, str]:
        """Return the environment in which initdb finds its user even without a passwd entry."""
        uid = self._user.visible_uid
        if has_entry(uid):
            return os.environ
        return with_entry(uid, os.environ, program=self._binaries / "initdb", directory=self.directory)

    def _spawn(self, argv: Sequence[str], *, environment: Mapping[str, str] = os.environ) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [str(self._binaries / argv[0]), *argv[1:]],
                cwd=self.directory,
                env=environment,
                preexec_fn=bind_to_parent(signal.SIGQUIT, self._user.prepare),
                user=self._user.uid,
                stdout=log,
                stderr=log,
            )


FULL: Final = "PLEXDEV_TEST_FULL"
"""``required``, in CI's last steps, if what only ``testbed/up extras`` brings must be there."""


def leave_out(reason: str, *, required_by: str = "PLEXDEV_TEST_REAL") -> NoReturn:
    """Skip a test of the real parts; the variable *required_by* with the value ``required`` makes that a failure."""
    if os.environ.get(required_by) == "required":
        pytest.fail(f"the real parts must be tested here: {reason}")
    pytest.skip(reason)


def find_real(name: str) -> str | None:
    """The real ``dex`` or ``spicedb``: on ``PATH``, or where the testbed keeps its binaries."""
    cached = Path(os.environ.get("TESTBED_CACHE", "/var/cache/testbed")) / "bin" / name
    return shutil.which(name) or (str(cached) if cached.exists() else None)


class NatsServer:
    """A NATS with JetStream on a port of its own; its streams outlive :meth:`stop`."""

    def __init__(self, directory: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        self.url = f"nats://127.0.0.1:{self._port}"
        self._store = directory / "jetstream"
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start, and return when it answers."""
        program = str(Path(sys.executable).with_name("nats-server"))
        argv = [program, "-a", "127.0.0.1", "-p", str(self._port), "-js", "-sd", str(self._store)]
        self._process = subprocess.Popen(
            argv,
            preexec_fn=bind_to_parent(signal.SIGKILL, None),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + _TIMEOUT_S
        while not self._answers():
            assert self._process.poll() is None, "nats-server ended"
            assert time.monotonic() < deadline, "nats-server does not answer"

    def stop(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        self._process.wait()

    def forget(self) -> None:
        """Delete its data, like the replacement of a Pod. The server must be stopped."""
        shutil.rmtree(self._store)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self._port), timeout=1) as connection:
                return connection.recv(4) == b"INFO"
        except OSError:
            return False


class SpiceDBServer(ServerProcess):
    """A SpiceDB on ports of its own that keeps everything in memory: what :meth:`stop` ends starts empty.

    Its HTTP gateway is on, so that a test writes tuples without gRPC, whose threads would not survive the forks of
    this process.
    """

    def __init__(self, program: str, directory: Path) -> None:
        super().__init__(directory / "spicedb.log")
        ports = free_ports(2)
        self.endpoint, self._gateway = (f"127.0.0.1:{port}" for port in ports)
        self.preshared_key = "key-of-the-tests"
        self._program = program
        self.start()

    def start(self) -> None:
        """Start, and return when it answers."""
        argv = [
            self._program,
            "serve",
            f"--grpc-addr={self.endpoint}",
            f"--grpc-preshared-key={self.preshared_key}",
            "--http-enabled",
            f"--http-addr={self._gateway}",
            "--datastore-engine=memory",
            "--metrics-enabled=false",
            "--telemetry-endpoint=",
            "--skip-release-check",
            "--log-level=warn",
        ]
        self._launch(argv)
        self.wait()

    def touch(self, resource: str, relation: str, subject: str) -> None:
        """Write one tuple, of references such as ``domain:1``."""
        update = {
            "operation": "OPERATION_TOUCH",
            "relationship": {
                "resource": _reference(resource),
                "relation": relation,
                "subject": {"object": _reference(subject)},
            },
        }
        self._post("relationships/write", {"updates": [update]}).raise_for_status()

    def _answers(self) -> bool:
        try:
            # A new server answers 404, because it has no schema yet.
            return self._post("schema/read", {}).status_code in (200, 404)
        except httpx.TransportError:
            return False

    def _post(self, operation: str, body: object) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.preshared_key}"}
        return httpx.post(f"http://{self._gateway}/v1/{operation}", json=body, headers=headers, trust_env=False)


def _reference(text: str) -> dict[str, str]:
    object_type, _, object_id = text.partition(":")
    return {"objectType": object_type, "objectId": object_id}


def free_ports(count: int) -> list[int]:
    """Return free ports. All are bound until the last is chosen, so that they differ."""
    holders = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [holder.getsockname()[1] for holder in holders]
    for holder in holders:
        holder.close()
    return ports
