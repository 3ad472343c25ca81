"""Real servers that a test starts, stops and starts again."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psycopg

from pytest_plexdev.stack.embedded.postgres_data import find_binaries
from pytest_plexdev.stack.embedded.postgres_user import run_as

_SETTINGS = ("listen_addresses=", "fsync=off", "max_connections=200", "dynamic_shared_memory_type=mmap")
_PATIENCE = 20.0


class PostgresServer:
    """A Postgres 16 with an empty database ``plexsphere``; its data outlives :meth:`stop`."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="plexdev-pg-", dir="/tmp"))
        self.url = f"postgresql://plexsphere@/plexsphere?host={self.directory}"
        self._user = run_as("auto")
        self._binaries = self._user.reachable(find_binaries(None), self.directory)
        self._process: subprocess.Popen[bytes] | None = None
        options = ["-U", "plexsphere", "-A", "trust", "--encoding=UTF8", "--locale=C.UTF-8", "-N"]
        initdb = self._spawn(["initdb", "-D", str(self._data), *options])
        assert initdb.wait() == 0
        self.start()
        with psycopg.connect(self._maintenance_url, autocommit=True) as connection:
            connection.execute("CREATE DATABASE plexsphere")

    def start(self) -> None:
        """Start, and return when it answers."""
        settings = [word for setting in _SETTINGS for word in ("-c", setting)]
        self._process = self._spawn(["postgres", "-D", str(self._data), "-k", str(self.directory), *settings])
        deadline = time.monotonic() + _PATIENCE
        while not self._answers():
            assert self._process.poll() is None, "postgres ended"
            assert time.monotonic() < deadline, "postgres does not answer"

    def stop(self) -> None:
        """Stop at once, as a failing server would: sessions are cut, nothing is checkpointed."""
        assert self._process is not None
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait()

    def remove(self) -> None:
        """Stop, and delete the data."""
        self.stop()
        shutil.rmtree(self.directory)

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

    def _spawn(self, argv: Sequence[str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [str(self._binaries / argv[0]), *argv[1:]],
            preexec_fn=self._user.prepare,
            user=self._user.uid,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


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
        self._process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + _PATIENCE
        while not self._answers():
            assert self._process.poll() is None, "nats-server ended"
            assert time.monotonic() < deadline, "nats-server does not answer"

    def stop(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        self._process.wait()

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self._port), timeout=1) as connection:
                return connection.recv(4) == b"INFO"
        except OSError:
            return False
