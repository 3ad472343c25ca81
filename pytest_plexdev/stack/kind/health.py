"""What a kind stack needs of its cluster, for whoever waits for the stack or says how it is."""

from __future__ import annotations

import contextlib

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.cluster import SERVICE_NOT_READY
from pytest_plexdev.kube import KubeClient, read_access
from pytest_plexdev.readiness.cluster_health import ClusterHealth, NodePort
from pytest_plexdev.readiness.look import verdicts_now
from pytest_plexdev.readiness.ref import ObjectRef
from pytest_plexdev.stack.kind.names import API_NODE_PORT, GATEWAY_NAMESPACE, IDP_NODE_PORT, NAMESPACE
from pytest_plexdev.stack.model import StackInfo, Verdict

_PORTS = (
    NodePort(
        port=API_NODE_PORT,
        purpose="the API",
        service=ObjectRef("Service", "envoy-plexsphere", GATEWAY_NAMESPACE),
        # Envoy Gateway makes its proxy's Service when it starts.
        remedy=f"kubectl rollout restart -n {GATEWAY_NAMESPACE} deployment/envoy-gateway",
    ),
    NodePort(
        port=IDP_NODE_PORT,
        purpose="the identity provider",
        service=ObjectRef("Service", "dex", NAMESPACE),
        remedy="plexdev up --stack kind --reapply",
    ),
)
"""The container ports of kind.yaml, each with the Service that has it."""


def health_of(*, owned: bool) -> ClusterHealth:
    """What to look at in a cluster that plexdev made, or in one that somebody else did."""
    return ClusterHealth(node_ports=_PORTS if owned else (), is_ours=owned)


def health_error(info: StackInfo) -> PlexdevError | None:
    """Why nobody should use a stack whose API answers; ``None`` where its cluster is well, or cannot be looked at.

    What may come back by itself is no reason.
    """
    doomed = [each for each in _verdicts(info) if each.state == "doomed"]
    if not doomed:
        return None
    first, *others = doomed
    return PlexdevError(
        SERVICE_NOT_READY,
        detail="\n".join(f"{each.name} is {each.state}: {each.reason}" for each in others),
        service=first.name,
        state=first.state,
        reason=first.headline,
        fix=first.hint,
    )


def _verdicts(info: StackInfo) -> list[Verdict]:
    assert info.cluster is not None
    # Whatever goes wrong with looking, who attaches meets it himself.
    with contextlib.suppress(PlexdevError):
        access = read_access(info.cluster.kubeconfig, info.cluster.context)
        if access is not None:
            with KubeClient(access) as client:
                return verdicts_now(client, (), health=health_of(owned=info.cluster.owned))
    return []
