"""Find out whether a Job may still create a missing object, certificates for example."""

from __future__ import annotations

from typing import Final

from pytest_plexdev.kube.resources import KubeObject
from pytest_plexdev.kube.timestamps import seconds
from pytest_plexdev.readiness.object_cache import ObjectCache
from pytest_plexdev.readiness.rules.conditions import condition, is_true
from pytest_plexdev.readiness.rules.container_status import containers

_STARTING: Final = frozenset({"", "ContainerCreating", "PodInitializing"})


def may_still_be_made(namespace: str | None, evidence: float | None, cache: ObjectCache) -> bool:
    """Whether a Job that may create the ConfigMap or Secret runs, or ran when the object was missing.

    A Job that waits in an init container does not count: it may wait for the missing object itself.

    Args:
        evidence: When the object was last reported missing, in Unix seconds.
    """
    return any(_may_make(job, evidence, cache) for job in cache.of_kind("Job", namespace))


def _may_make(job: KubeObject, evidence: float | None, cache: ObjectCache) -> bool:
    status = job.get("status") or {}
    if is_true(condition(status, "Failed")):
        return False
    ended = seconds(status.get("completionTime"))
    if ended is not None:
        # The kubelet retries, but not at once.
        return evidence is not None and ended >= evidence - 1
    pods = cache.owned(job, "Pod")
    return not pods or any(_is_at_work(pod, cache) for pod in pods)


def _is_at_work(pod: KubeObject, cache: ObjectCache) -> bool:
    first = next((one for one in containers(pod) if not one.is_past), None)
    if first is None or first.is_init:
        return first is None
    kind, details = first.state
    starts = kind == "waiting" and details.get("reason", "") in _STARTING and not cache.events(pod, "FailedMount")
    return kind == "running" or starts
