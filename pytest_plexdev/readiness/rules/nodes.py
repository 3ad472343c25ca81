"""Nodes: ready as the kubelet reports, or as the node controller does once the kubelet is silent."""

from __future__ import annotations

from typing import Final

from pytest_plexdev.kube.resources import KubeObject
from pytest_plexdev.readiness.object_ref import ObjectRef
from pytest_plexdev.readiness.object_status import ObjectStatus
from pytest_plexdev.readiness.rules.conditions import changed_at, condition, explanation, is_true

_SILENT_GRACE: Final = 10.0
"""Seconds that a kubelet may be silent: a restarted node reports only after its kubelet has started."""
_UNREADY_GRACE: Final = 60.0
"""Seconds for which a kubelet may report its node as not ready: a new node's network starts after it."""
_PRESSURES: Final = ("DiskPressure", "MemoryPressure", "PIDPressure", "NetworkUnavailable")
_KIND: Final = "kind"
"""The scheme of kind's provider IDs: ``kind://docker/CLUSTER/NODE``."""


def node(ref: ObjectRef, item: KubeObject, _cache: object = None) -> ObjectStatus:
    """Ready while its kubelet reports so and no pressure or taint keeps Pods away."""
    status = item.get("status") or {}
    ready = condition(status, "Ready")
    if is_true(ready):
        pressure = next((found for kind in _PRESSURES if is_true(found := condition(status, kind))), None)
        if pressure is None:
            return ObjectStatus(ref=ref, state="ready", since=changed_at(ready))
        reason, since = f"{pressure['type']}: {explanation(pressure)}", changed_at(pressure)
        return ObjectStatus(ref=ref, state="waiting", reason=reason, since=since, hint=f"kubectl describe {ref.words}")
    if not ready:
        hint = f"kubectl describe {ref.words}"
        return ObjectStatus(ref=ref, state="waiting", reason="its kubelet has not reported yet", hint=hint)
    is_silent = ready.get("status") == "Unknown"
    return ObjectStatus(
        ref=ref,
        state="doomed",
        reason=f"NotReady: {explanation(ready)}",
        actual="NotReady",
        since=changed_at(ready),
        hint=(on_node(item, "systemctl restart kubelet") if is_silent else "") or f"kubectl describe {ref.words}",
        grace=_SILENT_GRACE if is_silent else _UNREADY_GRACE,
        is_obstacle=True,
    )


def on_node(item: KubeObject, command: str) -> str:
    """Return the command that runs *command* on a kind node, a container; empty for any other node."""
    scheme, _, place = str((item.get("spec") or {}).get("providerID", "")).partition("://")
    engine, _, name = place.partition("/")
    return f"{engine} exec {name.rpartition('/')[2]} {command}" if scheme == _KIND and name else ""
