"""The warm cluster's node in each of its broken states."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from pytest_plexdev.kube import Access
from pytest_plexdev.stack.kind.settings import warm_directory
from tests.support.node_machines import Machine

BRIDGE: Final = "br-0123456789ab"


@dataclass(frozen=True)
class WarmNode:
    """A machine whose API server listens, and answers only if its URL is plain HTTP."""

    machine: Machine
    directory: Path
    monkeypatch: pytest.MonkeyPatch
    listening: int
    refusing: int

    def kubeconfig(self, port: int, *, scheme: str = "https", path: Path | None = None) -> Path:
        file = path or warm_directory() / "kubeconfig"
        server = f"{scheme}://127.0.0.1:{port}"
        Access(context="kind-plexsphere", kubeconfig=file, server=server, token="t").write_private(file)
        return file

    def share_engine_network(self) -> None:
        """Make the engine's bridge for the node an interface of this machine."""
        known = {BRIDGE: 7}

        def if_nametoindex(name: str) -> int:
            if name not in known:
                raise OSError(f"no interface {name}")
            return known[name]

        self.monkeypatch.setattr(socket, "if_nametoindex", if_nametoindex)

    def set_user_kubeconfig(self, path: Path) -> None:
        self.monkeypatch.setenv("KUBECONFIG", str(path))


def paused(warm_node: WarmNode) -> None:
    warm_node.kubeconfig(warm_node.listening)
    warm_node.machine.node(paused=True, api_server=warm_node.listening)
