"""The scopes to list and watch for a wait: each kind once."""

from __future__ import annotations

from pytest_plexdev.readiness.object_ref import ObjectRef
from pytest_plexdev.readiness.watched_kinds import scopes_of


def _scopes(*wanted: ObjectRef) -> dict[str, tuple[str | None, bool]]:
    scopes = scopes_of(wanted)
    found = {each.resource.kind: (each.namespace, each.needed) for each in scopes}
    assert len(found) == len(scopes)
    return found


def test_a_deployment_watches_its_pods_and_events() -> None:
    assert _scopes(ObjectRef("Deployment", "api", "default")) == {
        "Deployment": ("default", True),
        "ReplicaSet": ("default", True),
        "Pod": ("default", True),
        "Event": ("default", False),
        "Node": (None, False),
    }


def test_a_kind_in_two_namespaces_is_watched_in_all_namespaces() -> None:
    found = _scopes(ObjectRef("Deployment", "api", "default"), ObjectRef("Job", "certgen", "envoy-gateway-system"))

    assert found["Pod"] == (None, True)
    assert found["Event"] == (None, False)
    assert found["Deployment"] == ("default", True)
    assert found["Job"] == ("envoy-gateway-system", True)


def test_a_gateway_watches_the_namespace_of_its_proxy() -> None:
    found = _scopes(ObjectRef("Gateway", "plexsphere", "default"))

    assert found["Pod"] == ("envoy-gateway-system", False)
    assert found["GatewayClass"] == (None, False)
