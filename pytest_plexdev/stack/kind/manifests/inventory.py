"""The objects that belong to a stack, in a cluster that has others too."""

from __future__ import annotations

from pytest_plexdev.kube import KubeClient
from pytest_plexdev.kube.client import FIELD_MANAGER
from pytest_plexdev.kube.resources import KubeObject
from pytest_plexdev.readiness.object_ref import ObjectRef, in_order, kinds_of_a_foreign_stack
from pytest_plexdev.stack.kind.constants import GATEWAY_NAMESPACE, NAMESPACE

_NAMESPACES = (NAMESPACE, GATEWAY_NAMESPACE)


def parts_of(client: KubeClient, *, owned: bool) -> list[ObjectRef]:
    """The workloads, Jobs, Gateways and routes that a stack consists of.

    Args:
        owned: The cluster is ours: what we did not apply there is its user's own, ready or not. Where nothing was
            applied by us, and where the cluster is not ours, it is all that there is.

    Raises:
        PlexdevError: ``cluster-unreachable``, ``kube-refused``.
    """
    found = [
        (ObjectRef.of(item, resource.kind), item)
        for namespace in _NAMESPACES
        for resource in kinds_of_a_foreign_stack()
        for item in client.list(resource, namespace)["items"]
    ]
    ours = [ref for ref, item in found if owned and is_applied_by_us(item)]
    return in_order(ours or (ref for ref, _ in found))


def is_applied_by_us(item: KubeObject) -> bool:
    """Whether the API server remembers us as one who set its fields."""
    fields = item["metadata"].get("managedFields") or ()
    return any(each.get("manager") == FIELD_MANAGER and each.get("operation") == "Apply" for each in fields)
