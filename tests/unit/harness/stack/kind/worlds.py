"""A docker and a kind of the tests' own: a race is not provoked with the real ones."""

from __future__ import annotations

import io
import json
import tarfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.cluster import CLUSTER_UNREACHABLE
from pytest_plexdev.stack.kind.cluster.files import ClusterFiles

DOCKER = """#!/bin/sh
cd {state}
case "$1" in
  inspect) cat node.json 2>/dev/null || {{ echo 'Error: No such container: c' >&2; exit 1; }} ;;
  ps) test ! -e listed || cat listed ;;
  exec) test -e node.json ;;
  cp) test -e cp-fails && {{ cat cp-fails >&2; exit 1; }}; cat configuration.tar ;;
esac
"""
KIND = """#!/bin/sh
echo "$1" >> {state}/calls
cd {state}
case "$1" in
  create) sh ./create ;;
  delete) rm -f node.json ;;
esac
"""
NO_FILE = "Error response from daemon: Could not find the file /kind/kubeadm.conf in container c"
OWNER = "plexdev.plexsphere.com/owner=pytest-plexdev"
GONE = PlexdevError(CLUSTER_UNREACHABLE, context="kind-c", server="127.0.0.1:1", reason="gone", fix="x")
KUBECONFIG = """
contexts: [{name: kind-c, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: u, user: {token: t}}]
"""
OURS = "ours"
"""Both labels; with the first alone it was made elsewhere."""


@dataclass(frozen=True)
class World:
    """What the fakes know and were asked."""

    state: Path
    place: ClusterFiles

    def node(
        self,
        *,
        labels: str | None,
        created: float | None = None,
        port: str = "30080/tcp",
        published_at: str = "203.0.113.7",
        host_port: int = 8080,
        into: str = "",
    ) -> None:
        """There is a node; ``labels=None``: kind has not written them yet. Nobody looks for it at 127.0.0.1."""
        moment = datetime.fromtimestamp(created or time.time() + 1, tz=UTC)
        said = {
            "Config": {"Labels": {"io.x-k8s.kind.cluster": "c"}},
            "Created": moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "State": {"Running": True},
            "HostConfig": {"PortBindings": {port: [{"HostIp": published_at, "HostPort": str(host_port)}]}},
        }
        (self.state / f"node.json{into}").write_text(json.dumps([said]))
        if labels is None:
            (self.state / "cp-fails").write_text(NO_FILE)
        self.labels(labels)

    def labels(self, labels: str | None) -> None:
        """What the node's configuration says of its labels."""
        labels = f"{OWNER},plexdev.plexsphere.com/home={self.place.home}" if labels == OURS else labels
        self.configuration(f"node-labels: {labels}\n---\nkind: KubeProxyConfiguration\n")

    def configuration(self, text: str) -> None:
        """The whole file that kind writes into the node, or what it has written of it so far."""
        with tarfile.open(self.state / "configuration.tar", "w") as archive:
            member = tarfile.TarInfo("kubeadm.conf")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))

    def create_does(self, script: str) -> None:
        (self.state / "create").write_text(script)

    @property
    def calls(self) -> list[str]:
        file = self.state / "calls"
        return file.read_text().split() if file.exists() else []

    @property
    def has_node(self) -> bool:
        return (self.state / "node.json").exists()

    def note(self, *, began: float) -> None:
        """Somebody who is gone began a creation."""
        self.place.directory.mkdir(parents=True)
        note = {"cluster": "c", "pid": 4194304, "started": 1, "began": began}
        (self.place.directory / "creating.json").write_text(json.dumps(note))
