"""Find the Services behind a cluster's host ports, and restore NodePorts that were changed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pytest_plexdev.kube import KubeClient
from pytest_plexdev.kube.resources import SERVICE, KubeObject
from pytest_plexdev.stack.kind.constants import (
    API_NODE_PORT,
    API_PORT,
    GATEWAY_NAMESPACE,
    IDP_NODE_PORT,
    IDP_PORT,
    NAMESPACE,
)

_MANAGER: Final = "plexdev-node-ports"
"""Not the field manager of rendered objects, because Envoy Gateway creates the gateway's Service."""
_GATEWAY: Final = "gateway.envoyproxy.io/owning-gateway-name"
_DEX: Final = "dex"


@dataclass(frozen=True, kw_only=True)
class LostNodePort:
    """A NodePort to which a host port is mapped, and which no Service has.

    Attributes:
        node_port: The NodePort in kind's configuration.
        found: The NodePort that its Service has; ``None`` without one.
        port: The Service's own port.
    """

    node_port: int
    namespace: str
    service: str
    port: int
    found: int | None

    @property
    def words(self) -> str:
        """A description, as printed."""
        has = f"has {self.found}" if self.found is not None else "has none"
        return f"no Service has NodePort {self.node_port}: {self.namespace}/{self.service} {has}"

    def command(self, client: KubeClient) -> str:
        """The command that restores it."""
        patch = json.dumps({"spec": self._spec()})
        return client.command("-n", self.namespace, "patch", "service", self.service, "-p", patch)

    def restore(self, client: KubeClient) -> None:
        """Set the NodePort of its Service again."""
        meta = {"name": self.service, "namespace": self.namespace}
        service = {"apiVersion": SERVICE.api_version, "kind": SERVICE.kind, "metadata": meta, "spec": self._spec()}
        client.apply(service, manager=_MANAGER)

    def _spec(self) -> KubeObject:
        return {
            "type": "NodePort",
            "ports": [{"port": self.port, "protocol": "TCP", "nodePort": self.node_port}],
        }


def lost_node_ports(client: KubeClient) -> list[LostNodePort]:
    """Find the NodePorts of the API and the identity provider that their Services lack.

    Raises:
        PlexdevError: The API server does not list the Services.
    """
    services = client.list(SERVICE)["items"]
    taken = {port.get("nodePort") for service in services for port in _ports(service)}
    wanted = ((API_NODE_PORT, _gateway(services), API_PORT), (IDP_NODE_PORT, _dex(services), IDP_PORT))
    return [
        _lost(node_port, service, usual)
        for node_port, service, usual in wanted
        if node_port not in taken and service is not None and _ports(service)
    ]


def restore_node_ports(client: KubeClient) -> list[str]:
    """Restore NodePorts that were changed by hand; return what was done, in lines for a person.

    Raises:
        PlexdevError: The API server refuses it.
    """
    done = []
    for each in lost_node_ports(client):
        each.restore(client)
        done.append(f"{each.words}: put back")
    return done


def _lost(node_port: int, service: KubeObject, usual: int) -> LostNodePort:
    ports = _ports(service)
    port = next((each for each in ports if each["port"] == usual), ports[0])
    meta = service["metadata"]
    return LostNodePort(
        node_port=node_port,
        namespace=meta["namespace"],
        service=meta["name"],
        port=port["port"],
        found=port.get("nodePort"),
    )


def _gateway(services: Sequence[KubeObject]) -> KubeObject | None:
    here = (each for each in services if each["metadata"].get("namespace") == GATEWAY_NAMESPACE)
    return next((each for each in here if _GATEWAY in (each["metadata"].get("labels") or {})), None)


def _dex(services: Sequence[KubeObject]) -> KubeObject | None:
    metas = ((each, each["metadata"]) for each in services)
    return next((each for each, meta in metas if (meta.get("namespace"), meta["name"]) == (NAMESPACE, _DEX)), None)


def _ports(service: KubeObject) -> Sequence[KubeObject]:
    return (service.get("spec") or {}).get("ports") or ()
