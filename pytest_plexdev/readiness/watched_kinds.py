"""The kinds to watch for a set of objects: their own, and those that explain their state."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pytest_plexdev.kube import Resource
from pytest_plexdev.readiness.object_ref import RESOURCES, ObjectRef

_NEEDED: Final[Mapping[str, Sequence[str]]] = {
    "Deployment": ("ReplicaSet", "Pod"),
    "StatefulSet": ("Pod",),
    "DaemonSet": ("Pod",),
    "Job": ("Pod",),
    "Service": ("EndpointSlice", "Pod"),
}
"""The kinds that the state of a kind depends on."""
_EXPLAIN: Final[Mapping[str, Sequence[str]]] = {
    "Deployment": ("Event", "Node"),
    "StatefulSet": ("Event", "Node"),
    "DaemonSet": ("Event", "Node"),
    "Job": ("Event", "Node"),
    "Pod": ("Event", "Node"),
    "PersistentVolumeClaim": ("Event",),
    "Gateway": ("GatewayClass",),
    "HTTPRoute": ("Gateway", "GatewayClass"),
    "SecretStore": ("Event", "Secret"),
    "ExternalSecret": ("Event", "SecretStore", "Secret"),
}
_PROXIES: Final = "envoy-gateway-system"
"""The namespace in which Envoy Gateway runs its proxies."""


@dataclass(frozen=True)
class Scope:
    """A kind to watch.

    Attributes:
        namespace: Its one namespace, or ``None`` for all.
        needed: Whether a state depends on it; if not, it only explains, and the user may lack the permission.
    """

    resource: Resource
    namespace: str | None = None
    needed: bool = True

    @property
    def key(self) -> tuple[str, str | None]:
        """Kind and namespace, as in :attr:`pytest_plexdev.readiness.object_cache.ObjectCache.refused`."""
        return self.resource.kind, self.namespace


def scopes_of(wanted: Sequence[ObjectRef]) -> list[Scope]:
    """Return one scope for each kind: of one namespace, or of all if objects of several are wanted.

    The user may lack the permission for kinds that only explain.
    """
    places: dict[str, set[str | None]] = defaultdict(set)
    needed: set[str] = set()
    for ref in wanted:
        necessary = (ref.kind, *_NEEDED.get(ref.kind, ()))
        needed.update(necessary)
        for kind in (*necessary, *_EXPLAIN.get(ref.kind, ())):
            places[kind].add(ref.namespace if RESOURCES[kind].namespaced else None)
    if any(ref.kind == "Gateway" for ref in wanted):
        for kind in ("Pod", "Event"):
            places[kind].add(_PROXIES)
    return [Scope(RESOURCES[kind], _one(namespaces), kind in needed) for kind, namespaces in places.items()]


def scopes_with(scopes: Sequence[Scope], more: Iterable[Scope]) -> list[Scope]:
    """Return *scopes*, and those of *more* that they do not cover."""
    covered = {each.key for each in scopes}
    kinds = {kind for kind, namespace in covered if namespace is None}
    return [*scopes, *(each for each in more if each.resource.kind not in kinds and each.key not in covered)]


def _one(namespaces: set[str | None]) -> str | None:
    return next(iter(namespaces)) if len(namespaces) == 1 else None
