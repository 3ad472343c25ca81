"""The real Mimir and Loki, with the configuration of their manifests and Domains kept apart as in ``overlays/dev``."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from pytest_plexdev.stack.embedded.processes.child import bind_to_parent
from tests.support.manifests import DEPLOY
from tests.support.servers import FULL, find_real, free_ports, leave_out

_PATIENCE = 60.0


class TelemetryServer:
    """A server on ports of its own, whose data outlives :meth:`kill`.

    Args:
        name: ``mimir`` or ``loki``.
        arguments: Arguments besides the configuration.
    """

    def __init__(self, name: str, program: str, directory: Path, *arguments: str) -> None:
        http, grpc = free_ports(2)
        self.url = f"http://127.0.0.1:{http}"
        self._log = directory / f"{name}.log"
        file = directory / f"{name}.yaml"
        file.write_text(_configuration(name, str(directory / name), http=http, grpc=grpc))
        self._argv = [program, f"-config.file={file}", *arguments]
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start, and return when it is ready."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._argv,
                cwd=self._log.parent,
                preexec_fn=bind_to_parent(signal.SIGKILL, None),
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + _PATIENCE
        while not self._is_ready():
            assert self._process.poll() is None, self._log.read_text()[-4000:]
            assert time.monotonic() < deadline, self._log.read_text()[-4000:]
            time.sleep(0.02)

    def kill(self) -> None:
        self._signal(signal.SIGKILL)
        assert self._process is not None
        self._process.wait()

    def pause(self) -> None:
        """Stop answering, like a host that hangs."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def _is_ready(self) -> bool:
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
        server.kill()


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
