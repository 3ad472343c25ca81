"""Record which objects a bring-up applied, and find those that were deleted since."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from pytest_plexdev.core.cancellation import in_scope
from pytest_plexdev.kube import KubeClient, Resource
from pytest_plexdev.kube.resources import KubeObject

_CONCURRENCY: Final = 8


@dataclass(frozen=True)
class AppliedObjects:
    """The applied objects of one kind in one namespace.

    Attributes:
        resource: The kind with its path, so that it is found without discovery.
        namespace: ``None`` if the kind is cluster-scoped.
        names: Sorted.
    """

    resource: Resource
    namespace: str | None
    names: tuple[str, ...]


def applied_objects(client: KubeClient, objects: Iterable[KubeObject]) -> tuple[AppliedObjects, ...]:
    """Group objects that were just applied; without Jobs that remove themselves."""
    names: dict[tuple[Resource, str | None], list[str]] = defaultdict(list)
    for each in (client.placed(one) for one in objects if not _removes_itself(one)):
        meta = each["metadata"]
        names[client.resource_of(each["apiVersion"], each["kind"]), meta.get("namespace")].append(meta["name"])
    return tuple(AppliedObjects(*place, tuple(sorted(found))) for place, found in names.items())


def deleted_objects(client: KubeClient, applied: Sequence[AppliedObjects]) -> list[str]:
    """The names of applied objects that do not exist any more, such as ``secret/openbao-credentials``; sorted.

    Raises:
        PlexdevError: ``cluster-unreachable``, ``kube-refused``.
    """

    def missing(each: AppliedObjects) -> list[str]:
        present = client.names(each.resource, each.namespace)
        return [f"{each.resource.kind.lower()}/{name}" for name in each.names if name not in present]

    with ThreadPoolExecutor(max_workers=_CONCURRENCY) as threads:
        return sorted(name for names in threads.map(in_scope(missing), applied) for name in names)


def _removes_itself(item: KubeObject) -> bool:
    return item["kind"] == "Job" and "ttlSecondsAfterFinished" in item["spec"]
