"""Fix serial image pulls: apply the kubelet settings of ``deploy/local/kind.yaml`` and restart the kubelet only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pytest_plexdev.doctor.checks.images import KUBELET_COMMANDS, PARALLEL_PULLS
from pytest_plexdev.doctor.target import kind_cluster
from pytest_plexdev.kube import Access
from pytest_plexdev.stack.kind.cluster.docker_engine import docker
from pytest_plexdev.stack.kind.constants import node_of
from pytest_plexdev.stack.kind.settings import KindSettings

_PATIENCE: Final = 60.0


def apply_fix(access: Access, settings: KindSettings) -> Sequence[str]:
    """Change the file and restart the kubelet; the node's Pods keep running."""
    del settings  # the fix is the same for every stack
    node = node_of(kind_cluster(access))
    for words in KUBELET_COMMANDS:
        docker("exec", node, *words, timeout=_PATIENCE, purpose="the kubelet must pull in parallel")
    return [f"the kubelet of {node} now pulls {PARALLEL_PULLS} images at the same time; it was restarted"]
