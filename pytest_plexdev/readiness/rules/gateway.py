"""The Gateway API: classes, Gateways, and routes, whose state is in ``status.parents[]``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from pytest_plexdev.kube.resources import KubeObject
from pytest_plexdev.readiness.object_cache import ObjectCache
from pytest_plexdev.readiness.object_ref import ObjectRef
from pytest_plexdev.readiness.object_status import ObjectStatus, worst
from pytest_plexdev.readiness.rules.conditions import (
    Condition,
    changed_at,
    condition,
    explanation,
    is_false,
    is_stale,
    is_true,
)
from pytest_plexdev.readiness.rules.pods import pod

_GRACE: Final = 4.0
"""Seconds for which a refusal must persist: a missing object may be applied shortly after."""
_COMING: Final = frozenset({"Pending", "NoResources", "AddressNotAssigned", "WaitingForController", "NotReconciled"})
"""Transient reasons of a controller; they are not final."""
_OWNING_NAMESPACE: Final = "gateway.envoyproxy.io/owning-gateway-namespace"
_OWNING_GATEWAY: Final = "gateway.envoyproxy.io/owning-gateway-name"


def gateway_class(ref: ObjectRef, item: KubeObject, _cache: ObjectCache) -> ObjectStatus:
    """Ready once its controller has accepted it."""
    controller = item["spec"].get("controllerName", "?")
    return _status(ref, item, item.get("status") or {}, ("Accepted",), f"its controller {controller} has not answered")


def gateway(ref: ObjectRef, item: KubeObject, cache: ObjectCache) -> ObjectStatus:
    """Ready once it is accepted and programmed, both for this generation."""
    status = item.get("status") or {}
    name = item["spec"].get("gatewayClassName", "?")
    found = _status(ref, item, status, ("Accepted", "Programmed"), f"no controller of its class {name} has answered")
    if found.state != "waiting":
        return found
    if refused := _refused_listener(item, status):
        listener, why = refused
        return replace(found, state="doomed", reason=f"listener {listener}: {explanation(why)}", since=changed_at(why))
    of_class = cache.get(ObjectRef("GatewayClass", name))
    accepted = _held_class(name, of_class, cache) if of_class is not None else None
    cause = accepted or _proxy(ref, cache)
    if cause is not None and cause.ref.kind == "Pod" and cause.state == "doomed":
        return replace(found, state="doomed", grace=cause.grace, failed_at=cause.failed_at, cause=cause)
    return replace(found, cause=cause)


def http_route(ref: ObjectRef, item: KubeObject, cache: ObjectCache) -> ObjectStatus:
    """Ready once every parent that it names has accepted it and resolved its references, for this generation.

    A route has no conditions of its own: waiting for ``condition=Accepted`` on it never ends.
    """
    parents = (item.get("status") or {}).get("parents") or []
    wanted = item["spec"].get("parentRefs") or []
    for named in wanted:
        answered = next((each for each in parents if _same(each.get("parentRef") or {}, named)), None)
        silent = f"Gateway {named['name']} has not answered for it"
        found = _status(ref, item, answered or {}, ("Accepted", "ResolvedRefs"), silent)
        if found.state != "ready":
            above = _parent(ref, named, cache) if answered is None else None
            return replace(found, expected="accepted, resolved", cause=above)
    since = max(
        (changed_at(each) or 0.0 for parent in parents for each in parent.get("conditions") or ()), default=None
    )
    return ObjectStatus(ref=ref, state="ready", expected="accepted, resolved", since=since)


def _status(
    ref: ObjectRef, item: KubeObject, status: Mapping[str, Any], kinds: tuple[str, ...], silent: str
) -> ObjectStatus:
    """Ready if all these conditions are True; otherwise the status of the first that is not."""
    generation = item["metadata"].get("generation")
    found = {kind: condition(status, kind) for kind in kinds}
    hint = f"kubectl describe {ref.words}"
    expected = ", ".join(kind.lower() for kind in kinds)
    for kind, one in found.items():
        if is_true(one, generation):
            continue
        state, reason = _why_not(one, kind, generation, silent)
        return ObjectStatus(
            ref=ref,
            state="doomed" if state else "waiting",
            reason=reason,
            since=changed_at(one),
            expected=expected,
            actual=f"{kind}={one.get('status', 'absent')}",
            hint=hint,
            grace=_GRACE,
        )
    since = max((changed_at(one) or 0.0 for one in found.values()), default=None) or None
    return ObjectStatus(ref=ref, state="ready", expected=expected, since=since)


def _why_not(one: Condition, kind: str, generation: int | None, silent: str) -> tuple[bool, str]:
    if not one or one.get("status") == "Unknown":
        return False, silent
    if is_stale(one, generation):
        return False, f"{kind} is reported for an older generation"
    return one.get("reason") not in _COMING, explanation(one)


def _refused_listener(item: KubeObject, status: Mapping[str, Any]) -> tuple[str, Condition] | None:
    generation = item["metadata"].get("generation")
    for listener in status.get("listeners") or ():
        conflicted = condition(listener, "Conflicted")
        resolved = condition(listener, "ResolvedRefs")
        accepted = condition(listener, "Accepted")
        if is_true(conflicted, generation):
            return listener["name"], conflicted
        for one in (accepted, resolved):
            if is_false(one, generation) and one.get("reason") not in _COMING:
                return listener["name"], one
    return None


def _held_class(name: str, item: KubeObject, cache: ObjectCache) -> ObjectStatus | None:
    found = gateway_class(ObjectRef("GatewayClass", name), item, cache)
    return found if found.state != "ready" else None


def _proxy(ref: ObjectRef, cache: ObjectCache) -> ObjectStatus | None:
    """The status of the Pod that Envoy Gateway created for this Gateway, unless it is ready."""
    labels = {_OWNING_GATEWAY: ref.name, _OWNING_NAMESPACE: ref.namespace or "default"}
    found = (pod(ObjectRef.of(each, "Pod"), each, cache) for each in cache.selected(labels, None))
    return worst(each for each in found if each.state != "ready")


def _parent(ref: ObjectRef, named: Mapping[str, Any], cache: ObjectCache) -> ObjectStatus | None:
    above = ObjectRef("Gateway", named["name"], named.get("namespace") or ref.namespace)
    item = cache.get(above)
    if item is None:
        return None
    found = gateway(above, item, cache)
    return found if found.state != "ready" else None


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all(one.get(part) == other.get(part) for part in ("name", "sectionName", "port")) and (
        one.get("namespace") == other.get("namespace") or None in (one.get("namespace"), other.get("namespace"))
    )
