"""The objects that a watch or a LIST returned, by name, owner and event."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from pytest_plexdev.readiness.object_ref import Object, ObjectRef


class ObjectCache:
    """Objects of a cluster as rules look at them.

    Args:
        objects: What is there from the beginning.

    Attributes:
        unserved: Kinds that the API server does not know.
        refused: Kinds that we may not list, with the namespace where only that one was asked for.
        ended: What is not there any more, as it was in the end.
    """

    def __init__(self, objects: Iterable[Object] = ()) -> None:
        self.unserved: set[str] = set()
        self.refused: set[tuple[str, str | None]] = set()
        self.ended: dict[ObjectRef, Object] = {}
        self._objects: dict[str, dict[ObjectRef, Object]] = defaultdict(dict)
        self._owned: dict[str, set[ObjectRef]] = defaultdict(set)
        for item in objects:
            self.put(ObjectRef.of(item), item)

    def put(self, ref: ObjectRef, item: Object) -> None:
        """An object is there, or is another one than before."""
        if ref in self._objects[ref.kind]:
            self.remove(ref)
        self._objects[ref.kind][ref] = item
        for owner in _owners(item):
            self._owned[owner].add(ref)

    def remove(self, ref: ObjectRef, last: Object | None = None) -> None:
        """An object is not there any more; how it was in the end, where that was told."""
        item = self._objects[ref.kind].pop(ref, None)
        if item is None:
            return
        self.ended[ref] = last or item
        for owner in _owners(item):
            self._owned[owner].discard(ref)

    def replace(self, kind: str, namespace: str | None, items: Iterable[Object]) -> None:
        """A list of all objects of a kind, of one namespace where one is named: what it lacks is gone."""
        listed = {ObjectRef.of(item, kind): item for item in items}
        for ref in list(self._objects[kind]):
            if ref not in listed and (namespace is None or ref.namespace == namespace):
                self.remove(ref)
        for ref, item in listed.items():
            self.put(ref, item)

    def get(self, ref: ObjectRef) -> Object | None:
        """One object, where it is there."""
        return self._objects[ref.kind].get(ref)

    def of_kind(self, kind: str, namespace: str | None = None) -> list[Object]:
        """All objects of a kind, of one namespace where one is named."""
        return [
            item for ref, item in self._objects[kind].items() if namespace is None or ref.namespace in (None, namespace)
        ]

    def owned(self, owner: Object, kind: str) -> list[Object]:
        """The objects of a kind that *owner* made, oldest first."""
        uid = owner["metadata"].get("uid", "")
        found = [self._objects[kind][ref] for ref in self._owned.get(uid, ()) if ref.kind == kind]
        return sorted(found, key=lambda item: (item["metadata"].get("creationTimestamp", ""), item["metadata"]["name"]))

    def selected(self, labels: Mapping[str, str], namespace: str | None) -> list[Object]:
        """The Pods that have all these labels."""
        return [
            pod
            for pod in self.of_kind("Pod", namespace)
            if labels.items() <= (pod["metadata"].get("labels") or {}).items()
        ]

    def events(self, item: Object, *reasons: str) -> list[Object]:
        """What was told about an object, oldest first; all of it, or only for these reasons."""
        refs = self._owned.get(item["metadata"].get("uid", ""), ())
        told = (self._objects["Event"][ref] for ref in refs if ref.kind == "Event")
        return sorted((each for each in told if not reasons or each.get("reason") in reasons), key=event_time)


def event_time(event: Object) -> float:
    """When an event was told for the last time, in Unix seconds."""
    series = event.get("series") or {}
    meta = event["metadata"]
    stamps = (series.get("lastObservedTime"), event.get("lastTimestamp"), event.get("eventTime"))
    return seconds(next((stamp for stamp in stamps if stamp), meta.get("creationTimestamp"))) or 0.0


@lru_cache(maxsize=4096)
def seconds(stamp: str | None) -> float | None:
    """A timestamp of the API server in Unix seconds. 1970 is what a default says: nobody knows."""
    return (datetime.fromisoformat(stamp).timestamp() or None) if stamp else None


def _owners(item: Mapping[str, Any]) -> Iterator[str]:
    """What it belongs to: what made it; of an event: what it is about."""
    for owner in item["metadata"].get("ownerReferences") or ():
        yield owner["uid"]
    about = item.get("involvedObject") or {}
    if "uid" in about:
        yield about["uid"]
