"""Prune objects that an earlier bring-up applied and this one no longer contains."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from pytest_plexdev.kube import KubeClient, Resource
from pytest_plexdev.kube.resources import KubeObject
from pytest_plexdev.stack.kind.constants import CREATION_MARK, OWNER, OWNER_LABEL, READY
from pytest_plexdev.stack.kind.manifests.inventory import is_applied_by_us

_NEVER: Final = frozenset({"Namespace", "CustomResourceDefinition", "PersistentVolumeClaim"})
"""Kinds that are never pruned: deleting one deletes what others created in it."""
_MARKS: Final = frozenset({READY, CREATION_MARK})
_AT_ONCE: Final = 8


def stamped(objects: Iterable[KubeObject]) -> list[KubeObject]:
    """The objects with the label by which a later bring-up knows them."""
    return [_stamped(each) for each in objects]


def prune(client: KubeClient, applied: Sequence[KubeObject]) -> list[str]:
    """Delete the objects that we applied once and that *applied* has not; their names, ``service/old``.

    Only of the kinds and namespaces of *applied*, only with our label, and only where the API server says that it was
    us who applied them.

    Raises:
        PlexdevError: ``kube-refused``.
    """
    # Where the server keeps them: a manifest may lack a namespace, or have one that its kind has not.
    there = [client.placed(each) for each in applied]
    wanted = {_key(each) for each in there}
    places = {
        (client.resource_of(each["apiVersion"], each["kind"]), each["metadata"].get("namespace"))
        for each in there
        if each["kind"] not in _NEVER
    }
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as threads:
        found = [one for some in threads.map(lambda place: _ours(client, *place), places) for one in some]
    old = {_key(item): (resource, item["metadata"]) for resource, item in found if _key(item) not in wanted}
    for resource, meta in old.values():
        client.delete(resource, meta["name"], meta.get("namespace"))
    return sorted(f"{resource.kind.lower()}/{meta['name']}" for resource, meta in old.values())


def _ours(client: KubeClient, resource: Resource, namespace: str | None) -> list[tuple[Resource, KubeObject]]:
    items = client.list(resource, namespace, labels=f"{OWNER_LABEL}={OWNER}")["items"]
    return [(resource, each) for each in items if is_applied_by_us(each) and each["metadata"]["name"] not in _MARKS]


def _stamped(item: KubeObject) -> KubeObject:
    meta = item["metadata"]
    labels: Mapping[str, str] = meta.get("labels") or {}
    return {**item, "metadata": {**meta, "labels": {**labels, OWNER_LABEL: OWNER}}}


def _key(item: KubeObject) -> tuple[str, str | None, str]:
    meta = item["metadata"]
    return item["kind"], meta.get("namespace"), meta["name"]
