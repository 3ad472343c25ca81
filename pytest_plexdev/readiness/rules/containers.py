"""One container of a Pod: what it waits for, and when its failing is conclusive."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pytest_plexdev.readiness.judgement import Judgement
from pytest_plexdev.readiness.ref import Object, ObjectRef
from pytest_plexdev.readiness.rules.conditions import one_line
from pytest_plexdev.readiness.world import World, seconds
from pytest_plexdev.stack.model import State

_CONFIGURATION_GRACE: Final = 3.0
"""Seconds that a ConfigMap or Secret may be missing: it may be applied a moment later."""
_PULL_GRACE: Final = 2.0
"""Seconds that a pull must go on failing, whatever the registry said."""
_FAILURES: Final = 2
"""One failed start is not conclusive where a dependency is still coming up; two are."""
_PULLS: Final = frozenset({"ErrImagePull", "ImagePullBackOff", "ImageInspectError", "RegistryUnavailable"})
_HOPELESS_IMAGE: Final = frozenset({"ErrImageNeverPull", "InvalidImageName"})
_CONFIGURATION: Final = frozenset({"CreateContainerConfigError", "CreateContainerError"})
_FAILED: Final = frozenset({"CrashLoopBackOff", "RunContainerError"})
_COMES_BY_ITSELF: Final = "kube-root-ca.crt"
"""A ConfigMap that every namespace gets, a moment after its creation."""


@dataclass(frozen=True)
class Container:
    """A container: its part of the Pod's spec and what the kubelet says of it."""

    pod: Object
    spec: Mapping[str, Any]
    status: Mapping[str, Any]
    is_init: bool

    @property
    def name(self) -> str:
        return str(self.spec["name"])

    @property
    def is_sidecar(self) -> bool:
        return self.is_init and self.spec.get("restartPolicy") == "Always"

    @property
    def state(self) -> tuple[str, Mapping[str, Any]]:
        """``waiting``, ``running`` or ``terminated``, with its details."""
        return next(iter((self.status.get("state") or {}).items()), ("waiting", {}))

    @property
    def last_end(self) -> Mapping[str, Any]:
        """How it ended last."""
        kind, details = self.state
        return details if kind == "terminated" else (self.status.get("lastState") or {}).get("terminated") or {}

    @property
    def is_past(self) -> bool:
        """Whether the Pod does not wait for it any more."""
        kind, details = self.state
        if kind == "terminated":
            return details.get("exitCode") == 0 and (not self._always_restarts or self.is_init)
        ready = self.status.get("started") if self.is_sidecar else self.status.get("ready")
        return kind == "running" and bool(ready) and (self.is_sidecar or not self.is_init)

    @property
    def _always_restarts(self) -> bool:
        return bool(self.pod["spec"].get("restartPolicy", "Always") == "Always")


def containers(pod: Object) -> list[Container]:
    """All containers, in the order in which they start."""
    status = pod.get("status") or {}
    found = []
    for member, is_init in (("initContainers", True), ("containers", False)):
        kind = "initContainerStatuses" if is_init else "containerStatuses"
        said = {each["name"]: each for each in status.get(kind) or ()}
        for spec in pod["spec"].get(member) or ():
            found.append(Container(pod, spec, said.get(spec["name"], {}), is_init))  # noqa: PERF401 (reads better)
    return found


def judge_container(ref: ObjectRef, one: Container, world: World) -> Judgement:
    """Why the Pod still waits for a container, or will wait for ever."""
    kind, details = one.state
    if kind == "running":
        return _running(ref, one, details, world)
    if kind == "terminated":
        return _failed(ref, one)
    reason, message = details.get("reason") or "", one_line(details.get("message") or "")
    said = ": ".join(part for part in (reason, message) if part)
    if reason in _HOPELESS_IMAGE:
        return _judged(ref, one, "doomed", said, hint=f"kubectl describe {ref.words}")
    if reason in _CONFIGURATION:
        return _judged(ref, one, "doomed", said, hint=f"kubectl describe {ref.words}", grace=_CONFIGURATION_GRACE)
    if reason in _PULLS:
        again = reason == "ImagePullBackOff" or _is_backing_off(one, world) or _pull_failures(one, world) >= _FAILURES
        state: State = "doomed" if again else "waiting"
        return _judged(ref, one, state, said, hint=f"kubectl describe {ref.words}", grace=_PULL_GRACE)
    if reason in _FAILED:
        return _failed(ref, one)
    return _starting(ref, one, world)


def _running(ref: ObjectRef, one: Container, details: Mapping[str, Any], world: World) -> Judgement:
    since = seconds(details.get("startedAt"))
    if one.is_init and not one.is_sidecar:
        return _judged(ref, one, "waiting", "running", since=since, actual="running", hint=_log(ref, one))
    unhealthy = [event for event in world.events(one.pod, "Unhealthy") if _is_about(event, one)]
    why = one_line(unhealthy[-1].get("message", "")).rstrip(": ") if unhealthy else "not ready yet"
    failures = one.status.get("restartCount", 0)
    if failures:
        why = f"started again after {_end(one)}; {why}"
    hint = _log(ref, one)
    return _judged(ref, one, "waiting", why, since=since, actual="running", hint=hint)


def _failed(ref: ObjectRef, one: Container) -> Judgement:
    """It ended, and should not have."""
    failures = one.status.get("restartCount", 0) + 1
    end = one.last_end
    finished = seconds(end.get("finishedAt"))
    reason = one.state[1].get("reason")
    prefix = "CrashLoopBackOff, " if reason == "CrashLoopBackOff" else ""
    if failures >= _FAILURES:
        why = f"{prefix}{_end(one)}, {failures} times"
        state: State = "doomed"
    else:
        why = f"{_end(one)}; it is started again"
        state = "waiting"
    return _judged(ref, one, state, why, since=finished, failed_at=finished, hint=_log(ref, one))


def _starting(ref: ObjectRef, one: Container, world: World) -> Judgement:
    """Not created yet: the last thing that was told about it."""
    for event in reversed(world.events(one.pod)):
        why, message = event.get("reason"), one_line(event.get("message", ""))
        hint = f"kubectl describe {ref.words}"
        if why == "FailedMount" and _COMES_BY_ITSELF not in message:
            missing = "not found" in message or "non-existent" in message
            grace = _CONFIGURATION_GRACE
            return _judged(ref, one, "doomed" if missing else "waiting", message, hint=hint, grace=grace)
        if why in ("FailedCreatePodSandBox", "FailedAttachVolume"):
            return _judged(ref, one, "waiting", message, hint=hint)
        if why == "Pulling" and one.spec["image"] in message:
            return _judged(ref, one, "waiting", f"pulling image {one.spec['image']}", hint=hint)
        if why in ("Pulled", "Created", "Started", "Scheduled"):
            break
    return _judged(ref, one, "waiting", "being created")


def _is_backing_off(one: Container, world: World) -> bool:
    """Told as an event at once; the Pod's status says so up to 15 s later."""
    image = f'pulling image "{one.spec["image"]}"'
    return any(image in event.get("message", "") for event in world.events(one.pod, "BackOff"))


def _pull_failures(one: Container, world: World) -> int:
    image = f'"{one.spec["image"]}"'
    found = [event for event in world.events(one.pod, "Failed") if "pull image" in event.get("message", "")]
    return sum(event.get("count") or 1 for event in found if image in event["message"])


def _end(one: Container) -> str:
    """``exit 3``, ``OOMKilled``; a start that failed says why."""
    end = one.last_end
    reason, code = end.get("reason") or "", end.get("exitCode")
    message = one_line(end.get("message") or "")
    what = f"exit {code}" if reason in ("", "Error", "Completed") else f"{reason}, exit {code}"
    limit = (one.spec.get("resources") or {}).get("limits", {}).get("memory")
    if reason == "OOMKilled" and limit:
        what += f" (its memory limit is {limit})"
    return f"{what}: {message}" if message else what


def _is_about(event: Object, one: Container) -> bool:
    path = (event.get("involvedObject") or {}).get("fieldPath", "")
    return f"{{{one.name}}}" in path or not path


def _log(ref: ObjectRef, one: Container) -> str:
    return f"kubectl logs -n {ref.namespace} {ref.name} -c {one.name}"


def _judged(ref: ObjectRef, one: Container, state: State, reason: str, **more: Any) -> Judgement:
    actual = more.pop("actual", one.state[1].get("reason") or one.state[0])
    who = f"init {one.name}" if one.is_init else one.name
    return Judgement(ref=ref, state=state, reason=reason, container=who, actual=actual, **more)
