"""NodePorts behind the host ports: a Service with another one is reported and restored."""

from __future__ import annotations

import json
from typing import Any

from pytest_plexdev.kube import KubeClient
from pytest_plexdev.stack.kind.cluster.node_ports import lost_node_ports, restore_node_ports
from tests.support.api_server import Answers

GATEWAY = {"gateway.envoyproxy.io/owning-gateway-name": "plexsphere"}


def service(name: str, namespace: str, port: int, node_port: int | None, **labels: str) -> dict[str, Any]:
    ports = {"port": port, "protocol": "TCP", **({"nodePort": node_port} if node_port else {})}
    return {"metadata": {"name": name, "namespace": namespace, "labels": labels}, "spec": {"ports": [ports]}}


def have(answers: Answers, *, gateway: int | None = 30080, dex: int | None = 30556) -> None:
    services = [
        service("envoy", "envoy-gateway-system", 8080, gateway, **GATEWAY),
        service("dex", "default", 5556, dex),
        {"metadata": {"name": "headless", "namespace": "default"}, "spec": {}},
    ]
    answers.say("GET", "/api/v1/services", {"items": services})


def test_where_each_has_its_own_nothing_is_changed(answers: Answers, client: KubeClient) -> None:
    have(answers)

    assert restore_node_ports(client) == []
    assert [request.method for request in answers.requests] == ["GET"]


def test_one_that_was_changed_by_hand_is_put_back(answers: Answers, client: KubeClient) -> None:
    path = "/api/v1/namespaces/envoy-gateway-system/services/envoy"
    have(answers, gateway=30081)
    answers.say("GET", "/api/v1", {"resources": [{"kind": "Service", "name": "services", "namespaced": True}]})
    answers.say("PATCH", path, {})

    assert restore_node_ports(client) == [
        "no Service has NodePort 30080: envoy-gateway-system/envoy has 30081: put back"
    ]

    (patch,) = [request for request in answers.requests if request.method == "PATCH"]
    assert json.loads(patch.body)["spec"] == {
        "type": "NodePort",
        "ports": [{"port": 8080, "protocol": "TCP", "nodePort": 30080}],
    }


def test_on_somebody_elses_cluster_the_command_is_said(answers: Answers, client: KubeClient) -> None:
    have(answers, dex=None)

    (found,) = lost_node_ports(client)

    assert found.words == "no Service has NodePort 30556: default/dex has none"
    assert found.command(client).startswith("kubectl --kubeconfig ")
    assert '-n default patch service dex -p \'{"spec": {"type": "NodePort"' in found.command(client)
