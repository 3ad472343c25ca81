"""Define the parts of a cluster that a kind stack needs, for waiting and for verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pytest_plexdev.kube import KubeClient
from pytest_plexdev.kube.resources import CUSTOM_RESOURCE_DEFINITION
from pytest_plexdev.readiness.cluster_health import ClusterHealth, NodePort
from pytest_plexdev.readiness.object_ref import ObjectRef
from pytest_plexdev.stack.kind.constants import API_NODE_PORT, GATEWAY_NAMESPACE, IDP_NODE_PORT, NAMESPACE

_PORTS = (
    NodePort(
        port=API_NODE_PORT,
        purpose="the API",
        service=ObjectRef("Service", "envoy-plexsphere", GATEWAY_NAMESPACE),
        # Envoy Gateway creates its proxy's Service when it starts.
        remedy=f"kubectl rollout restart -n {GATEWAY_NAMESPACE} deployment/envoy-gateway",
    ),
    NodePort(
        port=IDP_NODE_PORT,
        purpose="the identity provider",
        service=ObjectRef("Service", "dex", NAMESPACE),
        remedy="plexdev up --stack kind --reapply",
    ),
)
"""The container ports of kind.yaml, each with the Service whose NodePort it is."""
_CROSSPLANE: Final = ObjectRef("Deployment", "crossplane", NAMESPACE)
_CROSSPLANE_GROUPS: Final = ".crossplane.io"
"""The end of the names of its API groups."""


def health_of(*, owned: bool) -> ClusterHealth:
    """The parts to check: of a cluster that is not ours (*owned* is false), no node ports."""
    return ClusterHealth(node_ports=_PORTS if owned else (), is_ours=owned)


def definitions_of_crossplane(client: KubeClient, wanted: Sequence[ObjectRef]) -> list[ObjectRef]:
    """The CustomResourceDefinitions that Crossplane created before it started; none if it is not among *wanted*."""
    if _CROSSPLANE not in wanted:
        return []
    found = client.list(CUSTOM_RESOURCE_DEFINITION)["items"]
    return [ObjectRef.of(each) for each in found if each["spec"]["group"].endswith(_CROSSPLANE_GROUPS)]
