"""The real Mimir and Loki, with the configuration of their manifests and Domains kept apart as in ``overlays/dev``."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.support.manifests import DEPLOY
from tests.support.server_process import ServerProcess
from tests.support.servers import FULL, find_real, free_ports, leave_out


class TelemetryServer(ServerProcess):
    """A server on ports of its own, whose data outlives :meth:`stop`.

    Args:
        name: ``mimir`` or ``loki``.
        arguments: Arguments besides the configuration.
    """

    def __init__(self, name: str, program: str, directory: Path, *arguments: str) -> None:
        super().__init__(directory / f"{name}.log")
        http, grpc = free_ports(2)
        self.url = f"http://127.0.0.1:{http}"
        file = directory / f"{name}.yaml"
        file.write_text(_configuration(name, str(directory / name), http=http, grpc=grpc))
        self._argv = [program, f"-config.file={file}", *arguments]
        self.start()

    def start(self) -> None:
        """Start, and return when it is ready."""
        self._launch(self._argv)
        self.wait()

    def _answers(self) -> bool:
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{self.url}/ready", trust_env=False).status_code == 200
        return False


@contextlib.contextmanager
def running(name: str, directory: Path) -> Iterator[TelemetryServer]:
    """Start a real Mimir or Loki; skip the test if it is not installed."""
    program = find_real(name)
    if program is None:
        leave_out(f"no {name} on PATH, nor in $TESTBED_CACHE/bin", required_by=FULL)
    (gossip,) = free_ports(1)
    # Tenants are kept apart as in overlays/dev. Mimir's port for gossip is fixed by default, and another may run here.
    arguments = {
        "mimir": ("-auth.multitenancy-enabled=true", f"-memberlist.bind-port={gossip}"),
        "loki": ("-auth.enabled=true",),
    }
    server = TelemetryServer(name, program, directory, *arguments[name])
    try:
        yield server
    finally:
        server.stop()


def on_path(name: str, directory: Path, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Put one program of the testbed on ``PATH``; return whether it is there."""
    program = find_real(name)
    if program is None:
        return False
    link = directory / "programs" / name
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(program)
    monkeypatch.setenv("PATH", str(link.parent), prepend=os.pathsep)
    return True


def _configuration(name: str, data: str, *, http: int, grpc: int) -> str:
    """Return the file of the ConfigMap with other ports and another directory."""
    text = (DEPLOY / "base" / name / "config.yaml").read_text(encoding="utf-8")
    (file,) = yaml.safe_load(text)["data"].values()
    configuration: dict[str, Any] = yaml.safe_load(
        file.replace("/data/", f"{data}/")
        .replace(": /data", f": {data}")
        .replace("127.0.0.1:9095", f"127.0.0.1:{grpc}")
    )
    configuration["server"] |= {
        "http_listen_address": "127.0.0.1",
        "http_listen_port": http,
        "grpc_listen_address": "127.0.0.1",
        "grpc_listen_port": grpc,
    }
    return yaml.safe_dump(configuration)
