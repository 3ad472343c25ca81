"""List the objects of a stack in a cluster that may have others too."""

from __future__ import annotations

from pytest_plexdev.kube import KubeClient
from pytest_plexdev.kube.client import FIELD_MANAGER
from pytest_plexdev.kube.resources import KubeObject
from pytest_plexdev.readiness.object_ref import ObjectRef, in_order, kinds_of_a_foreign_stack
from pytest_plexdev.stack.kind.constants import GATEWAY_NAMESPACE, NAMESPACE

_NAMESPACES = (NAMESPACE, GATEWAY_NAMESPACE)


def objects_of_stack(client: KubeClient, *, owned: bool) -> list[ObjectRef]:
    """List the workloads, Jobs, Gateways and routes of a stack.

    Args:
        owned: Whether plexdev created the cluster. Then only the objects that plexdev applied belong to the stack, if
            there are any. Otherwise all objects in its namespaces do.

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
    """Whether plexdev is among the object's field managers."""
    fields = item["metadata"].get("managedFields") or ()
    return any(each.get("manager") == FIELD_MANAGER and each.get("operation") == "Apply" for each in fields)
