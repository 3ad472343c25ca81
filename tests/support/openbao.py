"""A real OpenBao that a test starts, stops and writes secrets into."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import httpx

from tests.support.server_process import ServerProcess
from tests.support.servers import find_real, leave_out

TOKEN = "root-token-of-the-tests"


class OpenBaoServer(ServerProcess):
    """A ``bao server -dev`` on a port of its own. It keeps everything in memory: after :meth:`stop` nothing is left."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory / "openbao.log")
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"
        self._program = _program()
        self._config = directory / "openbao.hcl"
        # Its cluster listener would take the next port, which may be another test's.
        self._config.write_text("ui = false\ndisable_clustering = true\n")
        self.start()

    @property
    def variables(self) -> dict[str, str]:
        """The variables by which a plane reads it."""
        return {"PLEXSPHERE_OPENBAO_URL": self.url, "PLEXSPHERE_OPENBAO_TOKEN": TOKEN}

    def start(self, *, token: str = TOKEN) -> None:
        """Start with this root token, and return when it serves."""
        argv = [
            *(self._program, "server", "-dev", "-dev-no-store-token", f"-config={self._config}"),
            f"-dev-listen-address=127.0.0.1:{self._port}",
        ]
        self._token = token
        self._launch(argv, {"BAO_DEV_ROOT_TOKEN_ID": token, "PATH": os.environ["PATH"]})
        self.wait()

    def seal(self) -> None:
        """Seal it for good: only a restart opens it again."""
        self._call("PUT", "sys/seal")

    def write(self, path: str, **values: object) -> None:
        """Write a new version of a secret at ``secret/<path>``."""
        self._call("POST", f"secret/data/{path}", json={"data": values})

    def delete(self, path: str) -> None:
        """Delete the current version, which keeps the secret's metadata."""
        self._call("DELETE", f"secret/data/{path}")

    def _call(self, method: str, path: str, **request: object) -> None:
        headers = {"X-Vault-Token": TOKEN}
        response = httpx.request(method, f"{self.url}/v1/{path}", headers=headers, trust_env=False, **request)  # type: ignore[arg-type]
        assert response.is_success, response.text

    def _answers(self) -> bool:
        """Whether the engine is mounted, which is later than it is unsealed."""
        try:
            mounts = httpx.get(f"{self.url}/v1/sys/mounts", headers={"X-Vault-Token": self._token}, trust_env=False)
        except httpx.TransportError:
            return False
        return mounts.is_success and "secret/" in mounts.json()["data"]


def _program() -> str:
    beside = Path(sys.executable).with_name("bao")
    program = str(beside) if beside.exists() else find_real("bao")
    return program or leave_out("no bao in this environment, on PATH, nor in $TESTBED_CACHE/bin")
