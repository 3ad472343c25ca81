"""Names that the modules of the kind stack share; those of the product's dev stack come from its runbook."""

from __future__ import annotations

from typing import Final

from pytest_plexdev.core.model import KEPT_MARK, STACK_FILE

WARM_CLUSTER: Final = "plexsphere"
"""kind's name of the warm cluster (runbook)."""
CONTEXT_PREFIX: Final = "kind-"
NAMESPACE: Final = "default"
"""Where the overlay's objects are (runbook)."""
GATEWAY_NAMESPACE: Final = "envoy-gateway-system"

API_PORT: Final = 8080
IDP_PORT: Final = 5556
"""Host ports of the warm cluster (runbook)."""
API_NODE_PORT: Final = 30080
"""Envoy's NodePort (runbook)."""
IDP_NODE_PORT: Final = 30556

NATS_SECRET: Final = "nats-credentials"  # noqa: S105 (its name)
"""Of a fresh cluster: what its NATS is configured with, and the URL that its clients use."""
NATS_URL: Final = "PLEXSPHERE_NATS_URL"
"""The API's variable, and the key in that Secret."""

OUR_IMAGES: Final = ("plexsphere:dev", "plexsphere-migrate:dev")
"""Built here; every other image is a pin's."""

OWNER_LABEL: Final = "plexdev.plexsphere.com/owner"
OWNER: Final = "pytest-plexdev"
"""Label of the node and of the sentinel: plexdev made this cluster, or applied this stack."""
HOME_LABEL: Final = "plexdev.plexsphere.com/home"
"""Label of the node: where the files of who made it are, as a hash. Another state directory is somebody else's."""
SENTINEL: Final = "plexdev-sentinel"
"""ConfigMap of the overlay: ours. In the namespace of the stack."""
READY: Final = "plexdev-ready"
"""ConfigMap written last: the bring-up was completed, with this fingerprint."""
CREATION_MARK: Final = "plexdev-cluster"
"""ConfigMap that is never withdrawn: what the cluster itself was made with."""

REAPER_LOG: Final = "reaper.log"
CLUSTER_FILES: Final = (
    STACK_FILE,
    KEPT_MARK,
    "kubeconfig",
    "kubeconfig.lock",
    "creating.json",
    "attached",
    REAPER_LOG,
)
"""All that there is in the directory of a cluster; kind has a lock beside the kubeconfig."""


def context_of(cluster: str) -> str:
    """kind's name of a cluster's context."""
    return CONTEXT_PREFIX + cluster


def node_of(cluster: str) -> str:
    """The name of a cluster's only node, which is its container's too."""
    return f"{cluster}-control-plane"
