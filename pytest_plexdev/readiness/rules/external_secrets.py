"""External Secrets: the stores, and the Secrets that are synced from them.

The condition has a general message; the error of the store is in the last warning event.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pytest_plexdev.core.model import State
from pytest_plexdev.kube.resources import KubeObject
from pytest_plexdev.readiness.object_cache import ObjectCache
from pytest_plexdev.readiness.object_ref import ObjectRef
from pytest_plexdev.readiness.object_status import ObjectStatus
from pytest_plexdev.readiness.rules.conditions import (
    Condition,
    changed_at,
    condition,
    explanation,
    is_false,
    is_true,
    one_line,
)

_REFUSAL_GRACE: Final = 15.0
"""Seconds for which a store may refuse or lack a secret: what fills it may still run, and failed reads are retried
after 1, 2, 4 and 8 s."""
_UNREACHABLE: Final = re.compile(
    r"connection refused|connection reset|no such host|no route to host|i/o timeout|deadline exceeded"
    r"|server misbehaving|\bEOF\b|Code: 5\d\d|Vault is sealed|is not ready"
)
"""Errors of a store that does not answer: it may be starting."""
_PLACE: Final = re.compile(r"^error processing spec\.\S+ (\(key: \S+\))?, err: ")
"""The start of an error about one path; the paths are named anyway."""
_SECRET: Final = re.compile(r"\bsecrets? \"?(?:[\w.-]+/)?([\w.-]+)\"?", re.IGNORECASE)


def secret_store(ref: ObjectRef, item: KubeObject, cache: ObjectCache) -> ObjectStatus:
    """Ready once its controller could sign in to the store."""
    ready = condition(item.get("status") or {}, "Ready")
    if is_true(ready):
        return ObjectStatus(ref=ref, state="ready", expected="valid", since=changed_at(ready))
    reason = _reason(item, ready, cache) if ready else "its controller has not validated it yet"
    return ObjectStatus(
        ref=ref,
        state=_state(ready, reason),
        reason=reason,
        since=changed_at(ready),
        expected="valid",
        actual=ready.get("reason") or "not validated",
        hint=f"kubectl describe {ref.words}",
        grace=_REFUSAL_GRACE,
    )


def external_secret(ref: ObjectRef, item: KubeObject, cache: ObjectCache) -> ObjectStatus:
    """Ready once its Secret has what the store has; otherwise the reason names the store and the paths in it."""
    status = item.get("status") or {}
    ready = condition(status, "Ready")
    if is_true(ready) and not _is_outdated(item, status):
        return ObjectStatus(ref=ref, state="ready", expected="synced", since=changed_at(ready))
    store = _store(ref, item, cache)
    why = _reason(item, ready, cache) if is_false(ready) else "its controller has not synced it yet"
    what = f"no Secret {target_of(item)} from {_store_name(item)}, {', '.join(_paths(item['spec'])) or 'no path'}"
    return ObjectStatus(
        ref=ref,
        # A store that is not ready is the cause; this only waits for it.
        state="waiting" if store is not None else _state(ready, why),
        reason=what if store is not None else f"{what}: {why}",
        since=changed_at(ready),
        expected="synced",
        actual=ready.get("reason") or "not synced",
        hint=f"kubectl describe {ref.words}",
        grace=_REFUSAL_GRACE,
        cause=store,
    )


def target_of(item: KubeObject) -> str:
    """The name of the Secret that an ExternalSecret creates."""
    name: str = (item["spec"].get("target") or {}).get("name") or item["metadata"]["name"]
    return name


def source_of(message: str, namespace: str | None, cache: ObjectCache) -> ObjectStatus | None:
    """Return the status of the ExternalSecret that creates the missing Secret that *message* names, if there is one."""
    names = set(_SECRET.findall(message))
    for item in cache.of_kind("ExternalSecret", namespace):
        if target_of(item) in names:
            return external_secret(ObjectRef.of(item, "ExternalSecret"), item, cache)
    return None


def _is_outdated(item: KubeObject, status: Mapping[str, Any]) -> bool:
    """Whether an older generation was synced last; the condition does not tell."""
    synced, _, _ = str(status.get("syncedResourceVersion") or "").partition("-")
    return synced.isdigit() and int(synced) < item["metadata"].get("generation", 0)


def _state(ready: Condition, reason: str) -> State:
    return "doomed" if is_false(ready) and not _UNREACHABLE.search(reason) else "waiting"


def _reason(item: KubeObject, ready: Condition, cache: ObjectCache) -> str:
    warnings = [each for each in cache.events(item) if each.get("type") == "Warning"]
    last = _PLACE.sub("", one_line(warnings[-1].get("message", ""))) if warnings else ""
    return f"{ready.get('reason')}: {last}" if last else explanation(ready)


def _store(ref: ObjectRef, item: KubeObject, cache: ObjectCache) -> ObjectStatus | None:
    """The status of its store, unless it is ready, of another kind, or unknown."""
    named = item["spec"].get("secretStoreRef") or {}
    above = ObjectRef("SecretStore", named.get("name", ""), ref.namespace)
    found = cache.get(above) if named.get("kind", "SecretStore") == "SecretStore" else None
    status = secret_store(above, found, cache) if found is not None else None
    return status if status is not None and status.state != "ready" else None


def _store_name(item: KubeObject) -> str:
    named = item["spec"].get("secretStoreRef") or {}
    return f"{named.get('kind', 'SecretStore')} {named.get('name', '')}"


def _paths(spec: Mapping[str, Any]) -> Iterator[str]:
    """What it reads, as ``path#key``."""
    for each in (*(spec.get("data") or ()), *(spec.get("dataFrom") or ())):
        remote = each.get("remoteRef") or each.get("extract") or {}
        if "key" in remote:
            yield "#".join(part for part in (remote["key"], remote.get("property")) if part)
