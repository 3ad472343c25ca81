"""Restarts of the warm cluster's node and API server, and a lost kubeconfig."""

from __future__ import annotations

import subprocess
from dataclasses import replace

import pytest

from pytest_plexdev.core.model import StackInfo
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.kube import KubeClient
from pytest_plexdev.kube.resources import POD
from pytest_plexdev.stack.kind.constants import GATEWAY_NAMESPACE, node_of
from pytest_plexdev.stack.kind.settings import KindSettings
from pytest_plexdev.stack.kind.state import endpoints
from pytest_plexdev.stack.kind.warm import attach, node_restart, up
from tests.support.kind_stacks import ProgressRecorder
from tests.support.warm_cluster import IMAGE

THIEF = ["docker", "run", "-d", "--network", "kind"]


def test_a_bring_up_survives_a_restart_of_the_api_server(settings: KindSettings, info: StackInfo) -> None:
    def restart(phase: str) -> None:
        if phase == "readiness":
            node_does(settings, "pkill", "-KILL", "kube-apiserver")

    again, did = up.bring_up(replace(settings, reapply=True), ProgressRecorder(restart))

    assert "bootstrap: ran again" in did
    assert again.endpoints == info.endpoints


def test_a_stopped_node_is_started_again(settings: KindSettings, info: StackInfo) -> None:
    subprocess.run(["docker", "stop", "-t", "1", node_of(settings.name)], check=True, capture_output=True)
    assert attach.find(settings.state, name=settings.name) is None

    again, did = up.bring_up(settings, ProgressRecorder())

    assert f"cluster {settings.name}: was stopped, started again" in did
    assert again.endpoints == info.endpoints
    assert endpoints.discovery(again.endpoints.issuer, patience=5)["issuer"] == again.endpoints.issuer
    assert attach.find(settings.state, name=settings.name) is not None


def test_a_node_that_somebody_restarts_is_waited_for(
    settings: KindSettings, info: StackInfo, client: KubeClient
) -> None:
    before = {pod["metadata"]["name"] for pod in client.list(POD, GATEWAY_NAMESPACE)["items"]}
    subprocess.run(["docker", "restart", "-t", "1", node_of(settings.name)], check=True, capture_output=True)
    progress = ProgressRecorder()

    again, did = up.bring_up(settings, progress)

    after = {pod["metadata"]["name"] for pod in client.list(POD, GATEWAY_NAMESPACE)["items"]}
    assert any(each.reason.startswith("waiting for the API server of") for each in progress.verdicts)
    (replaced,) = (line for line in did if "because they started before its network" in line)
    assert "envoy-gateway-" in replaced
    assert before != after
    assert again.endpoints == info.endpoints


def test_without_our_kubeconfig_it_is_asked_for_again(settings: KindSettings, info: StackInfo) -> None:
    assert info.cluster is not None
    info.cluster.kubeconfig.unlink()

    again, _ = up.bring_up(settings, ProgressRecorder())

    assert again.cluster == info.cluster
    assert info.cluster.kubeconfig.stat().st_mode & 0o077 == 0


def test_a_node_that_does_not_come_back_is_reported(
    settings: KindSettings, info: StackInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another container has its address when it starts again. Nodes of kind's own image handle that, others do not."""
    monkeypatch.setattr(node_restart, "STARTS_WITHIN_S", 20.0)
    address = address_of(node_of(settings.name))
    subprocess.run(["docker", "stop", "-t", "1", node_of(settings.name)], check=True, capture_output=True)
    thieves = take(address)
    try:
        outcome = " ".join(up.bring_up(settings, ProgressRecorder())[1])
    except PlexdevError as error:
        outcome = str(error)
    finally:
        subprocess.run(["docker", "rm", "-f", *thieves], check=True, capture_output=True)

    came_back = f"cluster {settings.name}: was stopped, started again" in outcome
    is_told = outcome.startswith("plexdev[node-not-back]") and "its address changed" in outcome
    assert came_back or is_told, outcome


def take(address: str) -> list[str]:
    """Start containers until one has that address. Docker assigns the lowest free one."""
    taken: list[str] = []
    while not taken or address_of(taken[-1]) != address:
        assert len(taken) < 10
        result = subprocess.run([*THIEF, IMAGE, "sleep", "120"], check=True, capture_output=True, text=True)
        taken.append(result.stdout.strip())
    return taken


def address_of(container: str) -> str:
    template = "{{.NetworkSettings.Networks.kind.IPAddress}}"
    argv = ["docker", "inspect", "--format", template, container]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


def node_does(settings: KindSettings, *argv: str) -> None:
    subprocess.run(["docker", "exec", node_of(settings.name), *argv], check=True, capture_output=True)
