"""Find the command that removes what prevents Pods from being created or scheduled: quota, webhook, cordon."""

from __future__ import annotations

import re
from typing import Final

from pytest_plexdev.readiness.object_cache import ObjectCache

_QUOTA: Final = re.compile(r"exceeded quota: ([^,\s]+)")
_WEBHOOK: Final = re.compile(r"admission webhook \"[^\"]+\" denied|failed calling webhook \"")
_CORDONED: Final = re.compile(r"node\(s\) were unschedulable|taint \{node\.kubernetes\.io/unschedulable")
_WEBHOOKS: Final = "kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations"


def removal_hint(message: str, namespace: str | None, cache: ObjectCache) -> str | None:
    """Return the command that removes the obstacle that *message* names; ``None`` if it names none.

    Args:
        message: The message of the scheduler, or of a controller that could not create a Pod.
        namespace: The namespace of the Pod.
        cache: Contains the nodes, if this user may list them.
    """
    if quota := _QUOTA.search(message):
        return f"kubectl edit resourcequota {quota[1]} -n {namespace or 'default'}"
    if _WEBHOOK.search(message):
        return _WEBHOOKS
    if _CORDONED.search(message):
        cordoned = [node["metadata"]["name"] for node in cache.of_kind("Node") if node["spec"].get("unschedulable")]
        return f"kubectl uncordon {' '.join(cordoned)}" if cordoned else None
    return None
