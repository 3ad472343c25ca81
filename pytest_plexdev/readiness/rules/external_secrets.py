"""External Secrets: the stores, and the Secrets that are synced from them.

The condition has a general message; the error of the store is in the last warning event. The controller retries after
ever longer pauses, so a failure from before a change of what it read is outdated.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pytest_plexdev.core.model import State
from pytest_plexdev.kube.resources import KubeObject
from pytest_plexdev.kube.timestamps import event_time, seconds
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
    written = _last_write(item, cache)
    is_outdated = is_false(ready) and written >= _failed_at(item, ready, cache)
    return ObjectStatus(
        ref=ref,
        state="waiting" if is_outdated else _state(ready, reason),
        reason=f"{reason} (its Secret was written since, and has not been read again yet)" if is_outdated else reason,
        since=changed_at(ready),
        expected="valid",
        actual=ready.get("reason") or "not validated",
        # The controller tries again at once if an annotation changes.
        hint=f"kubectl annotate {ref.words} retry={written:.0f}" if is_outdated else f"kubectl describe {ref.words}",
        grace=_REFUSAL_GRACE,
    )


def external_secret(ref: ObjectRef, item: KubeObject, cache: ObjectCache) -> ObjectStatus:
    """Ready once its Secret has what the store has; otherwise the reason names the store and the paths in it."""
    status = item.get("status") or {}
    ready = condition(status, "Ready")
    if is_true(ready) and not _is_outdated(item, status):
        return ObjectStatus(ref=ref, state="ready", expected="synced", since=changed_at(ready))
    above = _store(ref, item, cache)
    # A store that is not ready is the cause; this only waits for it.
    store = above if above is not None and above.state != "ready" else None
    ready_since = above.since if above is not None and store is None else None
    is_outdated = is_false(ready) and (ready_since or 0.0) > _failed_at(item, ready, cache)
    why = _reason(item, ready, cache) if is_false(ready) else "its controller has not synced it yet"
    what = f"no Secret {target_of(item)} from {_store_name(item)}, {', '.join(_paths(item['spec'])) or 'no path'}"
    return ObjectStatus(
        ref=ref,
        state="waiting" if store is not None or is_outdated else _state(ready, why),
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


def _warnings(item: KubeObject, cache: ObjectCache) -> list[KubeObject]:
    return [each for each in cache.events(item) if each.get("type") == "Warning"]


def _failed_at(item: KubeObject, ready: Condition, cache: ObjectCache) -> float:
    """When its controller last tried and failed, in Unix seconds. The condition does not change with a further try."""
    return max([changed_at(ready) or 0.0, *map(event_time, _warnings(item, cache))])


def _last_write(store: KubeObject, cache: ObjectCache) -> float:
    """When a Secret that a store signs in with was last created or changed, in Unix seconds; 0 if unknown."""
    names, namespace = set(_secrets_in(store["spec"])), store["metadata"].get("namespace", "default")
    secrets = (each["metadata"] for each in cache.of_kind("Secret", namespace) if each["metadata"]["name"] in names)
    stamps = (
        stamp
        for meta in secrets
        for stamp in (meta.get("creationTimestamp"), *(each.get("time") for each in meta.get("managedFields") or ()))
    )
    return max((seconds(stamp) or 0.0 for stamp in stamps), default=0.0)


def _secrets_in(spec: Any) -> Iterator[str]:
    """The names in all fields such as ``tokenSecretRef``, at any depth."""
    for name, value in spec.items() if isinstance(spec, dict) else ():
        if name.lower().endswith("secretref") and isinstance(value, dict):
            yield value.get("name", "")
        yield from _secrets_in(value)


def _reason(item: KubeObject, ready: Condition, cache: ObjectCache) -> str:
    warnings = _warnings(item, cache)
    last = _PLACE.sub("", one_line(warnings[-1].get("message", ""))) if warnings else ""
    return f"{ready.get('reason')}: {last}" if last else explanation(ready)


def _store(ref: ObjectRef, item: KubeObject, cache: ObjectCache) -> ObjectStatus | None:
    """The status of its store, unless it is of another kind or unknown."""
    named = item["spec"].get("secretStoreRef") or {}
    above = ObjectRef("SecretStore", named.get("name", ""), ref.namespace)
    found = cache.get(above) if named.get("kind", "SecretStore") == "SecretStore" else None
    return secret_store(above, found, cache) if found is not None else None


def _store_name(item: KubeObject) -> str:
    named = item["spec"].get("secretStoreRef") or {}
    return f"{named.get('kind', 'SecretStore')} {named.get('name', '')}"


def _paths(spec: Mapping[str, Any]) -> Iterator[str]:
    """What it reads, as ``path#key``."""
    for each in (*(spec.get("data") or ()), *(spec.get("dataFrom") or ())):
        remote = each.get("remoteRef") or each.get("extract") or {}
        if "key" in remote:
            yield "#".join(part for part in (remote["key"], remote.get("property")) if part)
