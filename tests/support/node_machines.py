"""A machine with a warm cluster's node in one of its states."""

from __future__ import annotations

from pathlib import Path

from pytest_plexdev.stack.kind.cluster.cluster_files import ClusterFiles
from pytest_plexdev.stack.kind.settings import warm_directory
from tests.support.engine import Engine, container
from tests.support.fake_kind import OURS, FakeKind

NODE = "plexsphere-control-plane"
DOCKER_COMMAND = """#!/bin/sh
cd {state}
echo "$1" >> commands
test ! -e node.json || case "$1" in ps) echo 0123456789ab ;; esac
"""


class Machine:
    def __init__(self, docker: Path, engine: Engine) -> None:
        self._docker = docker
        self.engine = engine

    def node(
        self,
        *,
        running: bool = True,
        paused: bool = False,
        api_server: int = 1,
        cluster: str = "plexsphere",
        name: str = NODE,
    ) -> None:
        bindings = {"6443/tcp": [{"HostIp": "", "HostPort": str(api_server)}]}
        self.engine.node = container(name, cluster=cluster, running=running, paused=paused, bindings=bindings)

    def label_as_ours(self) -> None:
        FakeKind(self._docker, ClusterFiles("plexsphere", warm_directory()), self.engine).labels(OURS)

    def hang(self) -> None:
        self.engine.gate.clear()
        (self._docker / "docker").write_text("#!/bin/sh\nexec sleep 60\n")

    @property
    def requests(self) -> list[str]:
        """The commands of the docker program, and the requests to the engine."""
        file = self._docker / "commands"
        return [*(file.read_text().split() if file.exists() else []), *self.engine.requests]
