"""Deployments, StatefulSets and DaemonSets: the desired number of Pods of the newest template."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

from pytest_plexdev.kube.resources import KubeObject
from pytest_plexdev.kube.timestamps import seconds
from pytest_plexdev.readiness.object_cache import ObjectCache
from pytest_plexdev.readiness.object_ref import ObjectRef
from pytest_plexdev.readiness.object_status import ObjectStatus, worst
from pytest_plexdev.readiness.rules.conditions import changed_at, condition, explanation, is_false, is_true, one_line
from pytest_plexdev.readiness.rules.obstacles import removal_hint
from pytest_plexdev.readiness.rules.pods import pod, settles

_REVISION: Final = "deployment.kubernetes.io/revision"
_CREATION_GRACE: Final = 3.0
"""Seconds for which Pods may be refused: a new namespace gets its ServiceAccount shortly after."""

_AWAY_GRACE: Final = 5.0
"""Seconds for which a workload may be scaled to 0: the change may be temporary."""


def deployment(ref: ObjectRef, item: KubeObject, cache: ObjectCache) -> ObjectStatus:
    """Ready once the newest ReplicaSet alone has as many available Pods as wanted."""
    status, wanted = item.get("status") or {}, item["spec"].get("replicas", 1)
    updated, available = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
    base = _base(ref, item, f"{wanted} available", f"{min(updated, available)}/{wanted}")
    if not _is_seen(item):
        return replace(base, reason="its controller has not seen this generation yet")
    if _is_scaled_away(item):
        return _scaled_away(base, ref)
    pods = _newest_pods(item, cache)
    ready = condition(status, "Available")
    if updated >= wanted and available >= updated and is_true(ready) and not _has_fallen(pods, cache):
        if status.get("replicas", 0) > updated:
            return replace(base, reason=f"{status['replicas'] - updated} Pods of the last revision are still ending")
        return _ready(base, pods, changed_at(ready))
    refused = condition(status, "ReplicaFailure")
    if is_true(refused) and not pods:
        return replace(_refused(base, explanation(refused), cache), since=changed_at(refused))
    found = _for_its_pods(base, item, pods, cache)
    late = condition(status, "Progressing")
    if found.state == "waiting" and is_false(late) and late.get("reason") == "ProgressDeadlineExceeded":
        # The controller keeps trying: a deadline exceeded before this wait may be outdated.
        return replace(found, state="doomed", reason=explanation(late), failed_at=changed_at(late), only_news=True)
    return found


def stateful_set(ref: ObjectRef, item: KubeObject, cache: ObjectCache) -> ObjectStatus:
    """Ready once every replica is ready and of the newest revision."""
    status, wanted = item.get("status") or {}, item["spec"].get("replicas", 1)
    base = _base(ref, item, f"{wanted} ready", f"{status.get('readyReplicas', 0)}/{wanted}")
    if not _is_seen(item):
        return replace(base, reason="its controller has not seen this generation yet")
    if _is_scaled_away(item):
        return _scaled_away(base, ref)
    pods = _living(cache.owned(item, "Pod"))
    enough = status.get("readyReplicas", 0) >= wanted and status.get("replicas", 0) == wanted
    if enough and _is_rolled_out(item, status, wanted) and not _has_fallen(pods, cache):
        return _ready(base, pods, _ready_since(pods))
    found = _for_its_pods(base, item, pods, cache)
    if found.cause is not None and _is_of_an_older_revision(found.cause, pods, status):
        # The controller replaces such a Pod only once it is ready, so it waits forever.
        reason = "its Pod is of the last revision, and is replaced only once it is ready"
        return replace(found, reason=reason, hint=f"kubectl delete {found.cause.ref.words}")
    return found


def daemon_set(ref: ObjectRef, item: KubeObject, cache: ObjectCache) -> ObjectStatus:
    """Ready once every scheduled node has an available Pod of the newest template."""
    status = item.get("status") or {}
    wanted = status.get("desiredNumberScheduled", 0)
    there = min(status.get("updatedNumberScheduled", 0), status.get("numberAvailable", 0))
    base = _base(ref, item, f"{wanted} available", f"{there}/{wanted}")
    if not _is_seen(item):
        return replace(base, reason="its controller has not seen this generation yet")
    pods = _living(cache.owned(item, "Pod"))
    if there >= wanted and not _has_fallen(pods, cache):
        return _ready(base, pods, _ready_since(pods))
    return _for_its_pods(base, item, pods, cache)


def _is_scaled_away(item: KubeObject) -> bool:
    """Whether it was scaled to 0 after the apply. A manifest with 0 replicas owns that field."""
    managers = item["metadata"].get("managedFields") or ()
    if item["spec"].get("replicas", 1) or not managers:
        return False
    # A scaling removes the field from its owner and records no new one.
    owners = (each for each in managers if each.get("subresource") != "scale")
    return not any("f:replicas" in each.get("fieldsV1", {}).get("f:spec", {}) for each in owners)


def _scaled_away(base: ObjectStatus, ref: ObjectRef) -> ObjectStatus:
    hint = f"kubectl scale -n {ref.namespace} {ref} --replicas=1"
    expected, reason = base.expected.replace("0", "1", 1), "scaled to 0 replicas"
    # Without `since`, the grace period starts at this observation, so a single one reports it as waiting.
    return replace(
        base, state="doomed", reason=reason, expected=expected, actual="0", since=None, hint=hint, grace=_AWAY_GRACE
    )


def _ready(base: ObjectStatus, pods: list[KubeObject], since: float | None) -> ObjectStatus:
    # The newest Pod determines the duration: during a rollout, other Pods kept the controller's condition True.
    newest = max((time for time in (since, _ready_since(pods)) if time is not None), default=None)
    grace = max((settles(each) for each in pods), default=0.0)
    return replace(base, state="ready", since=newest, grace=grace, hint="")


def _for_its_pods(base: ObjectStatus, item: KubeObject, pods: list[KubeObject], cache: ObjectCache) -> ObjectStatus:
    """The status of a workload that is not ready, by its worst Pod."""
    base = replace(base, since=_not_ready_since(base, item, pods, cache))
    cause = _cause(pods, cache)
    if cause is not None and cause.state == "doomed":
        return replace(base, state="doomed", grace=cause.grace, failed_at=cause.failed_at, cause=cause)
    if not pods and (refusal := cache.events(item, "FailedCreate")):
        return _refused(base, one_line(refusal[-1].get("message", "")), cache)
    if cause is not None:
        return replace(base, cause=cause)
    return replace(base, reason="its Pods are ready, but its status is not updated yet" if pods else "no Pod yet")


def _refused(base: ObjectStatus, reason: str, cache: ObjectCache) -> ObjectStatus:
    """The status of a workload whose Pods are refused."""
    removal = removal_hint(reason, base.ref.namespace, cache)
    base = replace(base, hint=removal or base.hint, is_obstacle=removal is not None)
    return replace(base, state="doomed", reason=reason, grace=_CREATION_GRACE)


def _cause(pods: list[KubeObject], cache: ObjectCache) -> ObjectStatus | None:
    found = (pod(ObjectRef.of(each, "Pod"), each, cache) for each in pods if not _is_left_behind(each))
    return worst(each for each in found if each.state != "ready")


def _newest_pods(item: KubeObject, cache: ObjectCache) -> list[KubeObject]:
    revision = (item["metadata"].get("annotations") or {}).get(_REVISION)
    sets = cache.owned(item, "ReplicaSet")
    newest = [each for each in sets if (each["metadata"].get("annotations") or {}).get(_REVISION) == revision]
    return _living(each for one in newest[-1:] for each in cache.owned(one, "Pod"))


def _living(pods: Iterable[KubeObject]) -> list[KubeObject]:
    return [each for each in pods if not each["metadata"].get("deletionTimestamp")]


def _is_left_behind(item: KubeObject) -> bool:
    """Whether a Pod failed, by eviction for example; the controller replaces it."""
    return (item.get("status") or {}).get("phase") == "Failed"


def _has_fallen(pods: list[KubeObject], cache: ObjectCache) -> bool:
    """Whether a Pod is not ready although the controller still counts it."""
    return any(
        pod(ObjectRef.of(each, "Pod"), each, cache).state != "ready" for each in pods if not _is_left_behind(each)
    )


def _is_seen(item: KubeObject) -> bool:
    seen: int = (item.get("status") or {}).get("observedGeneration", 0)
    generation: int = item["metadata"].get("generation", 0)
    return seen >= generation


def _is_rolled_out(item: KubeObject, status: dict[str, Any], wanted: int) -> bool:
    strategy = item["spec"].get("updateStrategy") or {}
    if strategy.get("type") == "OnDelete":
        return True
    kept = (strategy.get("rollingUpdate") or {}).get("partition") or 0
    same = bool(status.get("currentRevision") == status.get("updateRevision"))
    return same or (kept > 0 and bool(status.get("updatedReplicas", 0) >= wanted - kept))


def _is_of_an_older_revision(cause: ObjectStatus, pods: list[KubeObject], status: dict[str, Any]) -> bool:
    named = (each["metadata"] for each in pods if each["metadata"]["name"] == cause.ref.name)
    revision: str | None = next(((meta.get("labels") or {}).get("controller-revision-hash") for meta in named), None)
    newest: str | None = status.get("updateRevision")
    return revision != newest


def _ready_since(pods: list[KubeObject]) -> float | None:
    return max((changed_at(condition(each["status"], "Ready")) or 0.0 for each in pods), default=None)


def _not_ready_since(base: ObjectStatus, item: KubeObject, pods: list[KubeObject], cache: ObjectCache) -> float | None:
    """When the first Pod that is not ready lost readiness, was created, or was deleted without a replacement yet.

    Only an ``Available`` that is False tells it itself: it stays True during a rollout, and StatefulSets have none.
    """
    if is_false(condition(item.get("status") or {}, "Available")):
        return base.since
    unready = [each for each in pods if not is_true(condition(each.get("status") or {}, "Ready"))]
    times = [changed_at(condition(each.get("status") or {}, "Ready")) or _created_at(each) for each in unready]
    times += [_deleted_at(each) for each in cache.owned(item, "Pod") if each["metadata"].get("deletionTimestamp")]
    return min((time for time in times if time is not None), default=_ready_since(pods) or base.since)


def _created_at(item: KubeObject) -> float | None:
    return seconds(item["metadata"].get("creationTimestamp"))


def _deleted_at(item: KubeObject) -> float | None:
    """When the deletion was requested. Its timestamp is the end of the grace period."""
    end = seconds(item["metadata"]["deletionTimestamp"])
    return end - item["metadata"].get("deletionGracePeriodSeconds", 0) if end is not None else None


def _base(ref: ObjectRef, item: KubeObject, expected: str, actual: str) -> ObjectStatus:
    status = item.get("status") or {}
    since = changed_at(condition(status, "Available")) or _created_at(item)
    hint = f"kubectl describe {ref.words}"
    return ObjectStatus(ref=ref, state="waiting", expected=expected, actual=actual, since=since, hint=hint)
