"""Which kinds to watch for the objects that are waited for: theirs, and those that explain them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from pytest_plexdev.readiness.ref import RESOURCES, ObjectRef
from pytest_plexdev.readiness.watch import Scope

_NEEDED: Final[Mapping[str, Sequence[str]]] = {
    "Deployment": ("ReplicaSet", "Pod"),
    "StatefulSet": ("Pod",),
    "DaemonSet": ("Pod",),
    "Job": ("Pod",),
    "Service": ("EndpointSlice", "Pod"),
}
"""What a kind cannot be judged without."""
_EXPLAIN: Final[Mapping[str, Sequence[str]]] = {
    "Deployment": ("Event",),
    "StatefulSet": ("Event",),
    "DaemonSet": ("Event",),
    "Job": ("Event",),
    "Pod": ("Event",),
    "PersistentVolumeClaim": ("Event",),
    "Gateway": ("GatewayClass",),
    "HTTPRoute": ("Gateway", "GatewayClass"),
}
_PROXIES: Final = "envoy-gateway-system"
"""Where Envoy Gateway runs what it makes of a Gateway."""


def scopes_of(wanted: Sequence[ObjectRef]) -> list[Scope]:
    """One for each kind and namespace; what only explains may be forbidden to us."""
    found: dict[tuple[str, str | None], bool] = {}
    for ref in wanted:
        for kind, needed in (
            (ref.kind, True),
            *((each, True) for each in _NEEDED.get(ref.kind, ())),
            *((each, False) for each in _EXPLAIN.get(ref.kind, ())),
        ):
            place = (kind, ref.namespace if RESOURCES[kind].namespaced else None)
            found[place] = found.get(place, False) or needed
    if any(ref.kind == "Gateway" for ref in wanted):
        found |= {(kind, _PROXIES): found.get((kind, _PROXIES), False) for kind in ("Pod", "Event")}
    return [Scope(RESOURCES[kind], namespace, needed) for (kind, namespace), needed in found.items()]
