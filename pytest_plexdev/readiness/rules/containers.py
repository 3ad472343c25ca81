"""One container of a Pod: what it waits for, and when its failure is final."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from pytest_plexdev.core.model import State
from pytest_plexdev.kube.resources import KubeObject
from pytest_plexdev.kube.timestamps import event_time, seconds
from pytest_plexdev.readiness.object_cache import ObjectCache
from pytest_plexdev.readiness.object_ref import ObjectRef
from pytest_plexdev.readiness.object_status import ObjectStatus
from pytest_plexdev.readiness.rules.conditions import one_line
from pytest_plexdev.readiness.rules.container_status import PodContainer
from pytest_plexdev.readiness.rules.crash_loops import failures_in_a_row
from pytest_plexdev.readiness.rules.external_secrets import source_of
from pytest_plexdev.readiness.rules.pending_jobs import may_still_be_made

_CONFIGURATION_GRACE: Final = 3.0
"""Seconds that a ConfigMap or Secret may be missing: it may be applied shortly after."""
_PULL_GRACE: Final = 2.0
"""Seconds for which a pull must keep failing."""
_FAILURES: Final = 2
"""Failed starts that are conclusive; a single one may be due to a dependency that is still starting."""
_PULLS: Final = frozenset({"ErrImagePull", "ImagePullBackOff", "ImageInspectError", "RegistryUnavailable"})
_HOPELESS_IMAGE: Final = frozenset({"ErrImageNeverPull", "InvalidImageName"})
_CONFIGURATION: Final = frozenset({"CreateContainerConfigError", "CreateContainerError"})
_FAILED: Final = frozenset({"CrashLoopBackOff", "RunContainerError"})
_COMES_BY_ITSELF: Final = "kube-root-ca.crt"
"""A ConfigMap that every namespace gets shortly after its creation."""


def status_of_container(ref: ObjectRef, one: PodContainer, cache: ObjectCache) -> ObjectStatus:
    """Evaluate why the Pod waits for a container, and whether it waits forever."""
    kind, details = one.state
    if kind == "running":
        return _running(ref, one, details, cache)
    if kind == "terminated":
        return _failed(ref, one)
    reason, message = details.get("reason") or "", one_line(details.get("message") or "")
    text = ": ".join(part for part in (reason, message) if part)
    if reason in _HOPELESS_IMAGE:
        return _status(ref, one, "doomed", text, hint=f"kubectl describe {ref.words}")
    if reason in _CONFIGURATION:
        return _missing(ref, one, text, cache.events(one.pod, "Failed"), cache)
    if reason in _PULLS:
        again = reason == "ImagePullBackOff" or _is_backing_off(one, cache) or _pull_failures(one, cache) >= _FAILURES
        state: State = "doomed" if again else "waiting"
        return _status(ref, one, state, text, hint=f"kubectl describe {ref.words}", grace=_PULL_GRACE)
    if reason in _FAILED:
        return _failed(ref, one)
    return _starting(ref, one, cache)


def _running(ref: ObjectRef, one: PodContainer, details: Mapping[str, Any], cache: ObjectCache) -> ObjectStatus:
    since = seconds(details.get("startedAt"))
    if one.is_init and not one.is_sidecar:
        return _status(ref, one, "waiting", "running", since=since, actual="running", hint=_log(ref, one))
    unhealthy = [event for event in cache.events(one.pod, "Unhealthy") if _is_about(event, one)]
    why = one_line(unhealthy[-1].get("message", "")).rstrip(": ") if unhealthy else "not ready yet"
    failures = one.status.get("restartCount", 0)
    if failures:
        why = f"restarted after {_end(one)}; {why}"
    hint = _log(ref, one)
    return _status(ref, one, "waiting", why, since=since, actual="running", hint=hint)


def _failed(ref: ObjectRef, one: PodContainer) -> ObjectStatus:
    """The status of a container that ended and should run."""
    failures = failures_in_a_row(one)
    end = one.last_end
    finished = seconds(end.get("finishedAt"))
    reason = one.state[1].get("reason")
    prefix = "CrashLoopBackOff, " if reason == "CrashLoopBackOff" else ""
    if failures >= _FAILURES:
        why = f"{prefix}{_end(one)}, {failures} times"
        state: State = "doomed"
    else:
        why = _end(one) if one.pod["spec"].get("restartPolicy") == "Never" else f"{_end(one)}; it will be restarted"
        state = "waiting"
    return _status(ref, one, state, why, since=finished, failed_at=finished, hint=_log(ref, one))


def _starting(ref: ObjectRef, one: PodContainer, cache: ObjectCache) -> ObjectStatus:
    """The status of a container that is not created yet, from the Pod's last event."""
    for event in reversed(cache.events(one.pod)):
        why, message = event.get("reason"), one_line(event.get("message", ""))
        hint = f"kubectl describe {ref.words}"
        if why == "FailedMount" and _COMES_BY_ITSELF not in message:
            if "not found" in message or "non-existent" in message:
                return _missing(ref, one, message, [event], cache)
            return _status(ref, one, "waiting", message, hint=hint)
        if why in ("FailedCreatePodSandBox", "FailedAttachVolume"):
            return _status(ref, one, "waiting", message, hint=hint)
        if why == "Pulling" and one.spec["image"] in message:
            return _status(ref, one, "waiting", f"pulling image {one.spec['image']}", hint=hint)
        if why in ("Pulled", "Created", "Started", "Scheduled"):
            break
    return _status(ref, one, "waiting", "being created")


def _missing(ref: ObjectRef, one: PodContainer, why: str, missed: list[KubeObject], cache: ObjectCache) -> ObjectStatus:
    """The status of a container that needs a missing ConfigMap, Secret or key."""
    evidence = event_time(missed[-1]) if missed else None
    hint = f"kubectl describe {ref.words}"
    source = source_of(why, ref.namespace, cache)
    if source is not None and source.state != "ready":
        return _status(ref, one, source.state, why, hint=source.hint, grace=source.grace, cause=source)
    # The kubelet retries, but not at once.
    was_made = source is not None and evidence is not None and (source.since or 0.0) >= evidence - 1
    coming = was_made or may_still_be_made(ref.namespace, evidence, cache)
    return _status(ref, one, "waiting" if coming else "doomed", why, hint=hint, grace=_CONFIGURATION_GRACE)


def _is_backing_off(one: PodContainer, cache: ObjectCache) -> bool:
    """Whether the kubelet backs off. The event comes at once, the Pod's status up to 15 s later."""
    image = f'pulling image "{one.spec["image"]}"'
    return any(image in event.get("message", "") for event in cache.events(one.pod, "BackOff"))


def _pull_failures(one: PodContainer, cache: ObjectCache) -> int:
    image = f'"{one.spec["image"]}"'
    found = [event for event in cache.events(one.pod, "Failed") if "pull image" in event.get("message", "")]
    return sum(event.get("count") or 1 for event in found if image in event["message"])


def _end(one: PodContainer) -> str:
    """Describe the last termination: ``exit 3``, ``OOMKilled``, or the message of a failed start."""
    end = one.last_end
    reason, code = end.get("reason") or "", end.get("exitCode")
    message = one_line(end.get("message") or "")
    what = f"exit {code}" if reason in ("", "Error", "Completed") else f"{reason}, exit {code}"
    limit = (one.spec.get("resources") or {}).get("limits", {}).get("memory")
    if reason == "OOMKilled" and limit:
        what += f" (its memory limit is {limit})"
    return f"{what}: {message}" if message else what


def _is_about(event: KubeObject, one: PodContainer) -> bool:
    path = (event.get("involvedObject") or {}).get("fieldPath", "")
    return f"{{{one.name}}}" in path or not path


def _log(ref: ObjectRef, one: PodContainer) -> str:
    return f"kubectl logs -n {ref.namespace} {ref.name} -c {one.name}"


def _status(ref: ObjectRef, one: PodContainer, state: State, reason: str, **more: Any) -> ObjectStatus:
    actual = more.pop("actual", one.state[1].get("reason") or one.state[0])
    who = ObjectStatus(ref=ref, state=state, reason=reason, container=one.name, is_init=one.is_init, actual=actual)
    return replace(who, **more)
