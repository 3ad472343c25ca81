"""Read the JSON of Kubernetes objects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from pytest_plexdev.kube.resources import KubeObject

GRACE: Final = 10.0
"""Seconds that a controller may take to process a new object."""
NEVER: Final = "1970-01-01"
"""The transition time of a condition that no controller has written: the CRD's default."""
WAITING: Final = "Waiting for controller"


def label(thing: KubeObject) -> str:
    """Return ``gateway/plexsphere``, with the namespace if it is not ``default``."""
    meta = thing["metadata"]
    namespace = meta.get("namespace", "default")
    return f"{thing['kind'].lower()}/{meta['name']}" + (f" ({namespace})" if namespace != "default" else "")


def in_namespace(thing: KubeObject) -> str:
    """Return the kubectl option that chooses the object's namespace."""
    return f"-n {thing['metadata'].get('namespace', 'default')}"


def condition(thing: KubeObject, kind: str) -> Mapping[str, Any]:
    """Return a condition of the object's status; empty if it has none of that type."""
    written = (thing.get("status") or {}).get("conditions") or ()
    return next((each for each in written if each.get("type") == kind), {})


def holds(thing: KubeObject, kind: str) -> bool:
    """Whether a condition is true."""
    return condition(thing, kind).get("status") == "True"


def is_untouched(written: Mapping[str, Any]) -> bool:
    """Whether a condition is the CRD's default, which no controller has written."""
    return str(written.get("lastTransitionTime", "")).startswith(NEVER) or written.get("message") == WAITING


def is_new(thing: KubeObject, now: float) -> bool:
    """Whether the object was created within the last :data:`GRACE` seconds."""
    made = thing["metadata"].get("creationTimestamp")
    return made is not None and now - datetime.fromisoformat(made).timestamp() < GRACE


def container_statuses(pod: KubeObject) -> Iterator[KubeObject]:
    """Yield the statuses of the init containers, then of the others."""
    status = pod.get("status") or {}
    yield from status.get("initContainerStatuses") or ()
    yield from status.get("containerStatuses") or ()
