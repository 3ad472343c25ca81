"""Apply objects by server-side apply: dependencies first, the rest concurrently."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from pytest_plexdev.core.cancellation import in_scope, remaining_s
from pytest_plexdev.core.poll import poll
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.cluster import KUBE_REFUSED, OBJECT_HELD
from pytest_plexdev.kube import KubeClient, Resource
from pytest_plexdev.kube.resources import JOB, KubeObject
from pytest_plexdev.stack.kind.manifests.readers import Restored, key_of, read_by, restart, restored

Change: TypeAlias = Literal["created", "changed", "unchanged", "run again", "restarted"]

_CHANGES: Final[tuple[Change, ...]] = ("created", "changed", "run again", "restarted", "unchanged")
_MAX_NAMED: Final = 5
_CONCURRENCY: Final = 8
_WAVES: Final = (
    frozenset({"Namespace", "CustomResourceDefinition"}),
    frozenset(
        {"ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding", "ConfigMap", "Secret", "Service"}
    ),
)
_IMMUTABLE: Final = "field is immutable"
_DISCOVERY_S: Final = 10.0
"""Time for the API server to serve a kind whose definition is established."""
_FINALIZERS_S: Final = 15.0
"""Time for controllers to remove the finalizers of a deleted object."""
_POLL_INTERVAL_S: Final = 0.1


@dataclass
class ApplyResult:
    """The result of an apply, by object names such as ``deployment/plexsphere``.

    Attributes:
        changes: The change of each object.
        restored: ConfigMaps and Secrets that were created or whose content changed.
        readers: Restarted workloads that read one of those, with the names of what they read.
    """

    changes: dict[str, Change] = field(default_factory=dict)
    restored: dict[tuple[str, str, str], Restored] = field(default_factory=dict)
    readers: dict[str, list[str]] = field(default_factory=dict)

    def of(self, change: Change) -> list[str]:
        """The names of the objects with that change, sorted."""
        return sorted(name for name, found in self.changes.items() if found == change)

    def summary(self) -> list[str]:
        """The number of objects per change; those that were changed or run again also by name, if they are few."""
        parts = []
        for change in _CHANGES:
            names = self.of(change)
            named = f" ({', '.join(names)})" if change in {"changed", "run again"} and len(names) <= _MAX_NAMED else ""
            parts += [f"{len(names)} {change}{named}"] if names else []
        return parts

    def reader_summary(self) -> str:
        """The restarted readers, each with what it reads; empty if there are none."""
        return ", ".join(f"{name} ({', '.join(causes)})" for name, causes in sorted(self.readers.items()))

    def job_summary(self, name: str) -> str:
        """The result for one Job, as a verb: "ran", "ran again" or "had run"."""
        change = self.changes.get(f"job/{name}")
        if change is None:
            return "none in this overlay"
        return {"run again": "ran again", "unchanged": "had run"}.get(change, "ran")


def waves(objects: Iterable[KubeObject]) -> Iterator[list[KubeObject]]:
    """Split the objects into waves by their dependencies. The objects of a wave can be applied concurrently."""
    rest = list(objects)
    for kinds in _WAVES:
        wave = [each for each in rest if each["kind"] in kinds]
        rest = [each for each in rest if each["kind"] not in kinds]
        if wave:
            yield wave
    if rest:
        yield rest


def apply(
    client: KubeClient,
    objects: Sequence[KubeObject],
    result: ApplyResult,
    *,
    established: Callable[[Sequence[KubeObject]], object],
    again: Collection[str] = (),
) -> None:
    """Apply objects to a cluster that plexdev created.

    Jobs are immutable: a Job that changed or failed is deleted and created again. If an apply restores a ConfigMap or
    Secret that was edited or deleted by hand, the workloads that read it are restarted.

    Args:
        result: Collects the changes.
        established: Called with applied CustomResourceDefinitions; waits until they are established.
        again: Names of Jobs to run again even if they are unchanged.

    Raises:
        PlexdevError: ``kube-refused``, ``webhook-refused`` or ``quota-exceeded`` of the first refused object;
            ``object-held``: the previous Job cannot be deleted.
    """
    with ThreadPoolExecutor(max_workers=_CONCURRENCY) as threads:
        for wave in waves(objects):
            apply_one = in_scope(lambda each: _apply(client, each, result, again))
            for name, change in threads.map(apply_one, wave):
                result.changes[name] = change
            definitions = [each for each in wave if each["kind"] == "CustomResourceDefinition"]
            if definitions:
                established(definitions)


def _apply(client: KubeClient, rendered: KubeObject, result: ApplyResult, again: Collection[str]) -> tuple[str, Change]:
    resource = _resource(client, rendered)
    wanted = client.placed(rendered)
    kind, meta = wanted["kind"], wanted["metadata"]
    before = client.get(resource, meta["name"], meta.get("namespace"))
    name = f"{kind.lower()}/{meta['name']}"
    causes = read_by(client, wanted, result.restored) if before is not None else ()
    if kind == "Job" and before is not None and (causes or meta["name"] in again or _has_failed(before)):
        return name, _run_again(client, wanted)
    try:
        after = client.apply(wanted)
        if (found := restored(before, after)) is not None:
            result.restored[key_of(after)] = found
        if before is not None and causes and restart(client, before, after, causes):
            result.readers[name] = [each.name for each in causes]
            return name, "restarted"
        return name, _change(before, after)
    except PlexdevError as error:
        if kind == "Job" and before is not None and _IMMUTABLE in f"{error.facts.get('message')}{error.detail}":
            return name, _run_again(client, wanted)
        raise


def _run_again(client: KubeClient, job: KubeObject) -> Change:
    name, namespace = job["metadata"]["name"], job["metadata"]["namespace"]
    before = client.get(JOB, name, namespace)
    client.delete(JOB, name, namespace)
    if before is not None:
        _wait_until_gone(client, before)
    client.apply(job)
    return "run again"


def _wait_until_gone(client: KubeClient, old: KubeObject) -> None:
    """Wait until *old* is deleted: until then, an apply would only change it, and the Job would not run again.

    Raises:
        PlexdevError: ``object-held``, with the finalizers that block the deletion.
    """
    name, namespace = old["metadata"]["name"], old["metadata"]["namespace"]
    timeout_s = min(_FINALIZERS_S, remaining_s())

    def is_gone(job: KubeObject | None) -> bool:
        return job is None or job["metadata"]["uid"] != old["metadata"]["uid"]

    job = poll(lambda: client.get(JOB, name, namespace), until=is_gone, every_s=_POLL_INTERVAL_S, timeout_s=timeout_s)
    if job is not None and not is_gone(job):
        raise _object_held(client, job, timeout_s)


def _object_held(client: KubeClient, job: KubeObject, seconds: float) -> PlexdevError:
    meta = job["metadata"]
    target = ("-n", meta["namespace"], "job", meta["name"])
    finalizers = meta.get("finalizers") or ()
    if finalizers:
        holder = f"its finalizer {' and '.join(finalizers)} blocks the deletion until its controller removes it"
        fix = client.command("patch", *target, "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
    else:
        holder = "the API server has not removed it yet"
        fix = client.command("delete", *target)
    fix = f"{fix} && plexdev up --stack kind"
    return PlexdevError(OBJECT_HELD, object=f"job/{meta['name']}", seconds=seconds, holder=holder, fix=fix)


def _change(before: KubeObject | None, after: KubeObject) -> Change:
    if before is None:
        return "created"
    same = before["metadata"]["resourceVersion"] == after["metadata"]["resourceVersion"]
    return "unchanged" if same else "changed"


def _has_failed(job: KubeObject) -> bool:
    conditions = (job.get("status") or {}).get("conditions") or ()
    return any(each["type"] == "Failed" and each["status"] == "True" for each in conditions)


def _resource(client: KubeClient, wanted: KubeObject) -> Resource:
    # An established kind appears in discovery a moment later, and no event follows.
    return poll(
        lambda: client.resource_of(wanted["apiVersion"], wanted["kind"]),
        every_s=0.05,
        timeout_s=_DISCOVERY_S,
        retry_on=lambda error: isinstance(error, PlexdevError) and error.failure is KUBE_REFUSED,
    )
