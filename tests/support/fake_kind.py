"""A fake engine and a fake kind, because the real ones cannot provoke races."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.cluster import CLUSTER_UNREACHABLE
from pytest_plexdev.stack.kind.cluster.cluster_files import ClusterFiles
from pytest_plexdev.stack.kind.constants import node_of
from tests.support.engine import Engine, container

DOCKER = """#!/bin/sh
cd {state}
case "$1" in
  ps) test ! -e node.json || echo 0123456789ab ;;
  exec) test -e node.json || {{ echo 'Error: No such container' >&2; exit 1; }} ;;
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
OWNER = "plexdev.plexsphere.com/owner=pytest-plexdev"
GONE = PlexdevError(CLUSTER_UNREACHABLE, context="kind-c", server="127.0.0.1:1", reason="gone", fix="x")
KUBECONFIG = """
contexts: [{name: kind-c, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: u, user: {token: t}}]
"""
OURS = "ours"
"""Both labels. With the first alone, the cluster was created from another state directory."""


@dataclass(frozen=True)
class FakeKind:
    """The state of the fakes, and the requests to them."""

    state: Path
    files: ClusterFiles
    engine: Engine

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
        """Create a node. ``labels=None``: kind has not written them yet. By default, its port is not at 127.0.0.1."""
        # After the note of the creation, however slow the machine is until then.
        moment = datetime.fromtimestamp(created or time.time() + 20, tz=UTC).isoformat()
        bindings = {port: [{"HostIp": published_at, "HostPort": str(host_port)}]}
        node = container(node_of(self.files.name), created=moment, cluster=self.files.name, bindings=bindings)
        (self.state / f"node.json{into}").write_text(json.dumps(node))
        self.labels(labels)

    def labels(self, labels: str | None) -> None:
        """Set the labels in the node's configuration; ``None``: kind has not written it yet."""
        if labels is None:
            (self.state / "configuration.tar").unlink(missing_ok=True)
            return
        labels = f"{OWNER},plexdev.plexsphere.com/home={self.files.home}" if labels == OURS else labels
        self.engine.write_file(f"node-labels: {labels}\n---\nkind: KubeProxyConfiguration\n")

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
        """Write the note of a creation by a process that has ended."""
        self.files.directory.mkdir(parents=True)
        note = {"cluster": "c", "pid": 4194304, "started": 1, "began": began}
        (self.files.directory / "creating.json").write_text(json.dumps(note))
