"""A restarted node: which Pods are replaced, and what is waited for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.kube import Access, KubeClient
from pytest_plexdev.stack.kind.cluster.node_container import NodeContainer
from pytest_plexdev.stack.kind.warm import node_restart
from tests.support.fake_kind import GONE

STARTED = 1_767_225_600.0  # 2026-01-01
NODE = NodeContainer(name="c-control-plane", created=STARTED - 900, running=True, ports={}, started=STARTED)


def pod(name: str, *, ready: str = "True", runs_since: str = "2026-01-01T00:00:20Z") -> dict[str, Any]:
    status = {
        "phase": "Running",
        "conditions": [{"type": "Ready", "status": ready}],
        "containerStatuses": [{"state": {"running": {"startedAt": runs_since}}}],
    }
    return {"kind": "Pod", "metadata": {"name": name, "namespace": "ns"}, "status": status}


class Node(KubeClient):
    """A node with these Pods and routes, whose API server answers after some requests."""

    def __init__(self, pods: Mapping[str, list[dict[str, Any]]], *, silent_for: int = 0) -> None:
        super().__init__(Access(context="c", server="https://127.0.0.1:1", kubeconfig=Path("/none")))
        self.deleted: list[str] = []
        self.silent_for = silent_for
        self._pods = pods

    def get(self, *_: Any) -> dict[str, Any] | None:
        return {}

    def list(self, _: Any, namespace: str | None = None, *, labels: str = "", fields: str = "") -> dict[str, Any]:
        self.silent_for -= 1
        if self.silent_for >= 0:
            raise GONE
        return {"items": self._pods.get(f"{namespace} {labels}{fields}", [])}

    def delete(self, _: Any, name: str, namespace: str | None = None) -> bool:
        self.deleted.append(f"{namespace}/{name}")
        return True


def test_pods_older_than_the_network_are_replaced() -> None:
    client = Node(
        {
            "kube-system k8s-app=kube-dns": [pod("hangs", ready="False"), pod("back")],
            "envoy-gateway-system app.kubernetes.io/name=envoy-gateway": [
                pod("not-looked-at-yet", runs_since="2025-12-31T23:50:00Z")
            ],
        }
    )

    assert node_restart.replace_early_pods(client, NODE, timeout=5) == ["hangs", "not-looked-at-yet"]
    assert client.deleted == ["ns/hangs", "ns/not-looked-at-yet"]


@pytest.mark.parametrize(
    ("created", "started", "now", "answer"),
    [
        (STARTED - 900, STARTED, STARTED + 5, "restarted"),
        (STARTED - 900, STARTED, STARTED + 500, "runs"),
        (STARTED - 2, STARTED, STARTED + 5, "new"),
    ],
)
def test_only_a_recent_second_start_is_a_restart(created: float, started: float, now: float, answer: str) -> None:
    node = NodeContainer(name="c", created=created, running=True, ports={}, started=started)

    assert node_restart.was_restarted_lately(node, now=lambda: now) is (answer == "restarted")


def test_an_api_server_that_starts_is_waited_for() -> None:
    client = Node({}, silent_for=3)

    assert not node_restart.answers(client)
    node_restart.wait_for_api_server(client, NODE, timeout=30)
    assert client.silent_for < 0


def test_one_that_does_not_come_back_is_told_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_restart, "has_moved", lambda _: False)

    with pytest.raises(PlexdevError) as error:
        node_restart.wait_for_api_server(Node({}, silent_for=1000), NODE, timeout=0.3)

    assert error.value.tag == "node-not-back"
    assert "c-control-plane" in error.value.what
