"""Pods: scheduling, then their containers in starting order."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from pytest_plexdev.kube.resources import KubeObject
from pytest_plexdev.kube.timestamps import seconds
from pytest_plexdev.readiness.object_cache import ObjectCache
from pytest_plexdev.readiness.object_ref import ObjectRef
from pytest_plexdev.readiness.object_status import ObjectStatus
from pytest_plexdev.readiness.rules.conditions import changed_at, condition, explanation, is_true, one_line
from pytest_plexdev.readiness.rules.container_status import containers
from pytest_plexdev.readiness.rules.containers import status_of_container
from pytest_plexdev.readiness.rules.nodes import node
from pytest_plexdev.readiness.rules.obstacles import removal_hint

_SCHEDULING_GRACE: Final = 3.0
"""Grace period in seconds on a cluster of one node, where no other node can take the Pod."""
_AUTOSCALING_GRACE: Final = 60.0
"""Grace period in seconds on a cluster of several nodes, to which one may be added."""
_AFTER_A_START: Final = 1.0
_AFTER_A_FAILURE: Final = 5.0
_PASSING: Final = re.compile(
    r"node\.kubernetes\.io/(not-ready|unreachable|network-unavailable)|uninitialized"
    r"|unbound immediate PersistentVolumeClaims|no nodes available|being deleted"
)
"""Messages of the scheduler about transient states: a starting node, a volume that is being provisioned."""
_OF_A_NODE: Final = re.compile(r"node\.kubernetes\.io/(not-ready|unreachable)")
_NODES: Final = re.compile(r"0/(\d+) nodes are available")
_PREEMPTION: Final = re.compile(r" no new claims to deallocate.*| preemption: .*", re.DOTALL)


def pod(ref: ObjectRef, item: KubeObject, cache: ObjectCache) -> ObjectStatus:
    """Ready by its own condition; otherwise the status of the first container that it waits for."""
    status = item.get("status") or {}
    ready = condition(status, "Ready")
    phase = status.get("phase", "Pending")
    if item["metadata"].get("deletionTimestamp"):
        return ObjectStatus(ref=ref, state="waiting", reason="is being deleted", actual="deleted")
    if phase == "Succeeded" or (phase == "Running" and is_true(ready)):
        grace = settles(item) if phase == "Running" else 0.0
        return ObjectStatus(ref=ref, state="ready", since=changed_at(ready), actual=phase, grace=grace)
    if phase == "Failed":
        return _ended(ref, item, cache)
    scheduled = condition(status, "PodScheduled")
    if not is_true(scheduled):
        return _unscheduled(ref, item, cache)
    on = _unready_node(item, cache)
    if on is not None:
        # The kubelet's last report is outdated.
        since = changed_at(ready) or on.since
        return ObjectStatus(
            ref=ref, state="waiting", reason="its node is not ready", since=since, actual=phase, cause=on
        )
    for one in containers(item):
        if not one.is_past:
            found = status_of_container(ref, one, cache)
            since = found.since or changed_at(scheduled) or seconds(item["metadata"].get("creationTimestamp"))
            return replace(found, since=since)
    return ObjectStatus(ref=ref, state="waiting", reason=_gates(item), since=changed_at(ready), actual=phase)


def _ended(ref: ObjectRef, item: KubeObject, cache: ObjectCache) -> ObjectStatus:
    """The status of a failed Pod. Whether its owner replaces it is the owner's status."""
    status = item["status"]
    text = ": ".join(one_line(part) for part in (status.get("reason"), status.get("message")) if part)
    failed = next((one for one in containers(item) if one.last_end.get("exitCode")), None)
    found = status_of_container(ref, failed, cache) if failed is not None else None
    end = vars(found) if found is not None else {}
    return ObjectStatus(**{"ref": ref, "reason": text, **end, "state": "doomed", "actual": text or "Failed"})


def _unscheduled(ref: ObjectRef, item: KubeObject, cache: ObjectCache) -> ObjectStatus:
    scheduled = condition(item["status"], "PodScheduled")
    message = one_line(scheduled.get("message") or "")
    why = (
        f"not scheduled: {_PREEMPTION.sub('', message) or explanation(scheduled)}" if scheduled else "not scheduled yet"
    )
    for_good = scheduled.get("reason") == "Unschedulable" and not _PASSING.search(message) and not _room_comes(cache)
    nodes = _NODES.search(message)
    removal = removal_hint(message, ref.namespace, cache)
    return ObjectStatus(
        ref=ref,
        state="doomed" if for_good else "waiting",
        reason=why,
        since=changed_at(scheduled),
        expected="scheduled",
        actual=str(scheduled.get("reason") or "not scheduled"),
        grace=_SCHEDULING_GRACE if nodes is None or nodes[1] == "1" else _AUTOSCALING_GRACE,
        hint=removal or f"kubectl describe {ref.words}",
        is_obstacle=removal is not None,
        cause=_doomed_node(cache) if _OF_A_NODE.search(message) else None,
    )


def _unready_node(item: KubeObject, cache: ObjectCache) -> ObjectStatus | None:
    """The status of its node, if that is known and doomed."""
    ref = ObjectRef("Node", item["spec"].get("nodeName", ""))
    there = cache.get(ref)
    found = node(ref, there) if there is not None else None
    return found if found is not None and found.state == "doomed" else None


def _doomed_node(cache: ObjectCache) -> ObjectStatus | None:
    """The status of the first doomed node."""
    found = (node(ObjectRef.of(each, "Node"), each) for each in cache.of_kind("Node"))
    return next((each for each in found if each.state == "doomed"), None)


def _room_comes(cache: ObjectCache) -> bool:
    """Whether a Pod is about to leave a node."""
    return any(each["metadata"].get("deletionTimestamp") for each in cache.of_kind("Pod"))


def _gates(item: KubeObject) -> str:
    if item["spec"].get("restartPolicy") in ("Never", "OnFailure"):
        return "its containers have finished, but its status is not updated yet"
    gates = [each["conditionType"] for each in item["spec"].get("readinessGates") or ()]
    closed = [gate for gate in gates if not is_true(condition(item["status"], gate))]
    return (
        f"readiness gate {', '.join(closed)} is closed"
        if closed
        else "its containers are ready, but its status is not updated yet"
    )


def settles(item: KubeObject) -> float:
    """Return for how many seconds a Pod must be ready before that is conclusive.

    A Pod without a readiness probe is ready as soon as it runs, even if it fails right after its start.
    """
    unproved = [one for one in containers(item) if not one.is_init and "readinessProbe" not in one.spec]
    if not unproved:
        return 0.0
    return _AFTER_A_FAILURE if any(one.status.get("restartCount") for one in unproved) else _AFTER_A_START
