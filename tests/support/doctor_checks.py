"""Facts for the tests of the doctor's checks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_plexdev.doctor.facts import Facts
from pytest_plexdev.doctor.model import Finding, finding_of
from pytest_plexdev.doctor.modes import mode_of

NOW = 1_800_000_000.0
LONG_AGO = "2026-11-23T12:00:00Z"
CONTROLLER = "gateway.envoyproxy.io/gatewayclass-controller"
KUBECTL = "kubectl --kubeconfig /tmp/k --context kind-plexsphere"


def found_in(tag: str, **parts: Any) -> Finding:
    return finding_of(mode(tag), Facts(**{"now": NOW, "cluster": "plexsphere", "kubectl": KUBECTL, **parts}))


def mode(tag: str) -> Any:
    mode = mode_of(tag)
    assert mode is not None
    return mode


def thing(kind: str, name: str, *conditions: Mapping[str, Any], namespace: str | None = "default", **rest: Any) -> Any:
    meta = {"name": name, "creationTimestamp": LONG_AGO, **({"namespace": namespace} if namespace else {})}
    return {"kind": kind, "metadata": meta, "spec": {}, "status": {"conditions": list(conditions)}, **rest}


def condition(kind: str, status: str, reason: str = "", message: str = "", at: str = LONG_AGO) -> dict[str, str]:
    return {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": at}


def gateway_class(*conditions: Mapping[str, Any], controller: str = CONTROLLER) -> Any:
    return thing("GatewayClass", "envoy-gateway", *conditions, namespace=None, spec={"controllerName": controller})


def gateway(*conditions: Mapping[str, Any], of_class: str = "envoy-gateway") -> Any:
    return thing("Gateway", "plexsphere", *conditions, spec={"gatewayClassName": of_class})
