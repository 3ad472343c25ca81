"""Jobs: ready once complete."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from pytest_plexdev.kube.resources import KubeObject
from pytest_plexdev.kube.timestamps import seconds
from pytest_plexdev.readiness.object_cache import ObjectCache
from pytest_plexdev.readiness.object_ref import ObjectRef
from pytest_plexdev.readiness.object_status import ObjectStatus, worst
from pytest_plexdev.readiness.rules.conditions import changed_at, condition, explanation, is_true, one_line
from pytest_plexdev.readiness.rules.obstacles import removal_hint
from pytest_plexdev.readiness.rules.pods import pod

_FAILURES: Final = 2
"""Failed Pods that are conclusive; a single one may be due to a dependency that is still starting."""
_CREATION_GRACE: Final = 3.0


def job(ref: ObjectRef, item: KubeObject, cache: ObjectCache) -> ObjectStatus:
    """Ready once it is complete, doomed once it or its second Pod has failed."""
    status = item.get("status") or {}
    complete = condition(status, "Complete")
    if is_true(complete):
        return ObjectStatus(ref=ref, state="ready", expected="complete", since=changed_at(complete), actual="complete")
    tries = [
        (each, pod(ObjectRef.of(each, "Pod"), each, cache))
        for each in cache.owned(item, "Pod")
        if not each["metadata"].get("deletionTimestamp")
    ]
    failed = [found for each, found in tries if each["status"].get("phase") == "Failed"]
    under_way = worst(found for each, found in tries if each["status"].get("phase") not in ("Failed", "Succeeded"))
    last = max(failed, key=lambda found: found.failed_at or 0.0, default=None)
    base = ObjectStatus(
        ref=ref,
        state="waiting",
        expected="complete",
        actual=f"{status.get('failed') or 0} failed",
        since=seconds(status.get("startTime")),
        hint=f"kubectl logs {ref.words}",
    )
    if why := next((found for kind in ("Failed", "FailureTarget") if is_true(found := condition(status, kind))), None):
        return replace(base, state="doomed", reason=explanation(why), since=changed_at(why), is_final=True, cause=last)
    if under_way is not None and under_way.state == "doomed":
        return replace(base, state="doomed", grace=under_way.grace, failed_at=under_way.failed_at, cause=under_way)
    if last is not None and len(failed) >= _FAILURES:
        reason = f"{len(failed)} Pods failed"
        return replace(base, state="doomed", reason=reason, failed_at=last.failed_at, cause=last)
    if not tries and (refusal := cache.events(item, "FailedCreate")):
        reason = one_line(refusal[-1].get("message", ""))
        removal = removal_hint(reason, ref.namespace, cache)
        base = replace(base, hint=removal or f"kubectl describe {ref.words}", is_obstacle=removal is not None)
        return replace(base, state="doomed", reason=reason, grace=_CREATION_GRACE)
    if item["spec"].get("suspend"):
        return replace(base, reason="suspended")
    none = "its Pod has finished, but its status is not updated yet" if tries else "no Pod yet"
    return replace(base, reason="" if under_way or last else none, cause=under_way or last)
