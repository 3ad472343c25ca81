"""Names shared by the modules of the kind stack. Those marked "(runbook)" come from the product's runbook."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from pytest_plexdev.core.model import KEPT_MARK, STACK_FILE, Profile

WARM_CLUSTER: Final = "plexsphere"
"""The name of the warm cluster (runbook)."""
CONTEXT_PREFIX: Final = "kind-"
NAMESPACE: Final = "default"
"""The namespace of the overlay's objects (runbook)."""
GATEWAY_NAMESPACE: Final = "envoy-gateway-system"

KIND_FILE: Final = "kind.yaml"
"""kind's configuration below ``deploy/local``."""
OVERLAYS: Final[Mapping[Profile, str]] = MappingProxyType({"lean": "overlays/lean", "full": "overlays/dev"})
"""The overlay of each profile below ``deploy/local``; the runbook applies ``overlays/dev``."""

API_PORT: Final = 8080
IDP_PORT: Final = 5556
"""Host ports of the warm cluster (runbook)."""
API_NODE_PORT: Final = 30080
"""Envoy's NodePort (runbook)."""
IDP_NODE_PORT: Final = 30556

NATS_SECRET: Final = "nats-credentials"  # noqa: S105 (its name)
"""The Secret of a fresh cluster with the configuration of NATS and the URL for its clients."""
NATS_URL: Final = "PLEXSPHERE_NATS_URL"
"""The API's environment variable, and the key of the URL in that Secret."""
INGEST_NATS_URL: Final = "PLEXSPHERE_OBS_NATS_URL"
"""Another variable of the API with the same URL, in the profile ``full`` only."""

OUR_IMAGES: Final = ("plexsphere:dev", "plexsphere-migrate:dev")
"""The images that plexdev builds; every other image is pinned in ``images.toml``."""

OWNER_LABEL: Final = "plexdev.plexsphere.com/owner"
OWNER: Final = "pytest-plexdev"
"""Label of the node, the sentinel and every applied object: plexdev created it."""
HOME_LABEL: Final = "plexdev.plexsphere.com/home"
"""Label of the node: a hash of its creator's state directory. A cluster with another hash belongs to another user."""
SENTINEL: Final = "plexdev-sentinel"
"""The ConfigMap of our overlay that marks the stack as applied by plexdev."""
READY: Final = "plexdev-ready"
"""The ConfigMap that a completed bring-up writes last; it has the fingerprint."""
CREATION_MARK: Final = "plexdev-cluster"
"""The ConfigMap with the creation inputs of the cluster; never deleted."""

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
"""All files in the directory of a cluster; ``kubeconfig.lock`` is kind's."""


def context_of(cluster: str) -> str:
    """The name that kind gives to the kubeconfig context of a cluster."""
    return CONTEXT_PREFIX + cluster


def node_of(cluster: str) -> str:
    """The name of a cluster's only node and of its container."""
    return f"{cluster}-control-plane"
