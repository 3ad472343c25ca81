"""The objects that a watch or a LIST returned, by name, owner and event."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pytest_plexdev.kube.resources import KubeObject
from pytest_plexdev.kube.timestamps import event_time
from pytest_plexdev.readiness.object_ref import ObjectRef


class ObjectCache:
    """The objects of a cluster that the rules read.

    Args:
        objects: The initial content.

    Attributes:
        unserved: Kinds that the API server does not serve.
        refused: Kinds that this user may not list, with the namespace of the request (``None``: all).
        ended: The last state of objects that were deleted.
    """

    def __init__(self, objects: Iterable[KubeObject] = ()) -> None:
        self.unserved: set[str] = set()
        self.refused: set[tuple[str, str | None]] = set()
        self.ended: dict[ObjectRef, KubeObject] = {}
        self._objects: dict[str, dict[ObjectRef, KubeObject]] = defaultdict(dict)
        self._owned: dict[str, set[ObjectRef]] = defaultdict(set)
        for item in objects:
            self.put(ObjectRef.of(item), item)

    def put(self, ref: ObjectRef, item: KubeObject) -> None:
        """Add or replace an object."""
        if ref in self._objects[ref.kind]:
            self.remove(ref)
        self._objects[ref.kind][ref] = item
        for owner in _owners(item):
            self._owned[owner].add(ref)

    def remove(self, ref: ObjectRef, last: KubeObject | None = None) -> None:
        """Remove an object and keep its last state."""
        item = self._objects[ref.kind].pop(ref, None)
        if item is None:
            return
        self.ended[ref] = last or item
        for owner in _owners(item):
            self._owned[owner].discard(ref)

    def replace(self, kind: str, namespace: str | None, items: Iterable[KubeObject]) -> None:
        """Set all objects of a kind, in one namespace or in all; others of the kind are removed."""
        listed = {ObjectRef.of(item, kind): item for item in items}
        for ref in list(self._objects[kind]):
            if ref not in listed and (namespace is None or ref.namespace == namespace):
                self.remove(ref)
        for ref, item in listed.items():
            self.put(ref, item)

    def get(self, ref: ObjectRef) -> KubeObject | None:
        """Return an object; ``None`` if it does not exist."""
        return self._objects[ref.kind].get(ref)

    def of_kind(self, kind: str, namespace: str | None = None) -> list[KubeObject]:
        """Return all objects of a kind, in one namespace or in all."""
        return [
            item for ref, item in self._objects[kind].items() if namespace is None or ref.namespace in (None, namespace)
        ]

    def owned(self, owner: KubeObject, kind: str) -> list[KubeObject]:
        """Return the objects of a kind that *owner* owns, oldest first."""
        uid = owner["metadata"].get("uid", "")
        found = [self._objects[kind][ref] for ref in self._owned.get(uid, ()) if ref.kind == kind]
        return sorted(found, key=lambda item: (item["metadata"].get("creationTimestamp", ""), item["metadata"]["name"]))

    def selected(self, labels: Mapping[str, str], namespace: str | None) -> list[KubeObject]:
        """Return the Pods that have all these labels."""
        return [
            pod
            for pod in self.of_kind("Pod", namespace)
            if labels.items() <= (pod["metadata"].get("labels") or {}).items()
        ]

    def events(self, item: KubeObject, *reasons: str) -> list[KubeObject]:
        """Return the events of an object, oldest first; all, or those with one of these reasons."""
        refs = self._owned.get(item["metadata"].get("uid", ""), ())
        events = (self._objects["Event"][ref] for ref in refs if ref.kind == "Event")
        return sorted((each for each in events if not reasons or each.get("reason") in reasons), key=event_time)


def _owners(item: Mapping[str, Any]) -> Iterator[str]:
    """The UIDs of an object's owners; for an event, that of the involved object."""
    for owner in item["metadata"].get("ownerReferences") or ():
        yield owner["uid"]
    about = item.get("involvedObject") or {}
    if "uid" in about:
        yield about["uid"]
