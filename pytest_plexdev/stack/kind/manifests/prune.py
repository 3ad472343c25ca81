"""Prune objects that an earlier bring-up applied and this one no longer contains."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from pytest_plexdev.kube import KubeClient, Resource
from pytest_plexdev.kube.resources import EXTERNAL_SECRET, SECRET_STORE, VALIDATING_WEBHOOKS, KubeObject
from pytest_plexdev.stack.kind.constants import CREATION_MARK, NAMESPACE, OWNER, OWNER_LABEL, READY
from pytest_plexdev.stack.kind.manifests.inventory import is_applied_by_us

_NEVER_PRUNED: Final = frozenset({"Namespace", "CustomResourceDefinition", "PersistentVolumeClaim"})
"""Kinds that are never pruned: deleting one deletes what others created in it."""
_OF_THE_PROFILE_FULL: Final = (
    (EXTERNAL_SECRET, NAMESPACE),
    (SECRET_STORE, NAMESPACE),
    (VALIDATING_WEBHOOKS, None),
    (Resource("rbac.authorization.k8s.io/v1", "Role", "roles"), NAMESPACE),
    (Resource("rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings"), NAMESPACE),
)
"""Kinds, each with its place, that the profile ``lean`` has nothing of."""
_MARKS: Final = frozenset({READY, CREATION_MARK})
_CONCURRENCY: Final = 8


def labelled(objects: Iterable[KubeObject]) -> list[KubeObject]:
    """Add the label by which a later bring-up finds the objects."""
    return [_labelled(each) for each in objects]


def prune(client: KubeClient, applied: Sequence[KubeObject]) -> list[str]:
    """Delete the objects that plexdev applied earlier and that are not in *applied*.

    Only objects of the kinds and in the namespaces of *applied* and of our profiles, with our label, and with plexdev
    as a field manager.

    Returns:
        The names of the deleted objects, such as ``service/old``.

    Raises:
        PlexdevError: ``kube-refused``.
    """
    # A manifest may lack the namespace, or have one though its kind is cluster-scoped.
    placed = [client.placed(each) for each in applied]
    wanted = {_key(each) for each in placed}
    places = {
        (client.resource_of(each["apiVersion"], each["kind"]), each["metadata"].get("namespace"))
        for each in placed
        if each["kind"] not in _NEVER_PRUNED
    }
    places.update(_OF_THE_PROFILE_FULL)
    with ThreadPoolExecutor(max_workers=_CONCURRENCY) as threads:
        found = [one for some in threads.map(lambda place: _ours(client, *place), places) for one in some]
    old = {_key(item): (resource, item["metadata"]) for resource, item in found if _key(item) not in wanted}
    for resource, meta in old.values():
        client.delete(resource, meta["name"], meta.get("namespace"))
    return sorted(f"{resource.kind.lower()}/{meta['name']}" for resource, meta in old.values())


def _ours(client: KubeClient, resource: Resource, namespace: str | None) -> list[tuple[Resource, KubeObject]]:
    items = client.list(resource, namespace, labels=f"{OWNER_LABEL}={OWNER}")["items"]
    return [(resource, each) for each in items if is_applied_by_us(each) and each["metadata"]["name"] not in _MARKS]


def _labelled(item: KubeObject) -> KubeObject:
    meta = item["metadata"]
    labels: Mapping[str, str] = meta.get("labels") or {}
    return {**item, "metadata": {**meta, "labels": {**labels, OWNER_LABEL: OWNER}}}


def _key(item: KubeObject) -> tuple[str, str | None, str]:
    meta = item["metadata"]
    return item["kind"], meta.get("namespace"), meta["name"]
