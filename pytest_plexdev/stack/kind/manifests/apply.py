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
_FEW: Final = 5
_AT_ONCE: Final = 8
_WAVES: Final = (
    frozenset({"Namespace", "CustomResourceDefinition"}),
    frozenset(
        {"ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding", "ConfigMap", "Secret", "Service"}
    ),
)
_IMMUTABLE: Final = "field is immutable"
_DISCOVERY_S: Final = 10.0
"""Seconds that the API server gets to serve a kind whose definition it has established."""
_LET_GO_S: Final = 15.0
"""Seconds that the controllers behind a deleted object's finalizers get to remove them."""
_LOOK_AGAIN_S: Final = 0.1


@dataclass
class ApplyResult:
    """What an apply did, by the objects' names: ``deployment/plexsphere``.

    Attributes:
        restored: ConfigMaps and Secrets whose content was another before.
        readers: Workloads and Jobs that had read one of those and start anew, with what they had read.
    """

    changes: dict[str, Change] = field(default_factory=dict)
    restored: dict[tuple[str, str, str], Restored] = field(default_factory=dict)
    readers: dict[str, list[str]] = field(default_factory=dict)

    def of(self, change: Change) -> list[str]:
        """The objects with that change."""
        return sorted(name for name, found in self.changes.items() if found == change)

    def words(self) -> list[str]:
        """How many of each; the few that were changed by name."""
        said = []
        for change in _CHANGES:
            names = self.of(change)
            named = f" ({', '.join(names)})" if change in {"changed", "run again"} and len(names) <= _FEW else ""
            said += [f"{len(names)} {change}{named}"] if names else []
        return said

    def words_of_readers(self) -> str:
        """Who starts anew for what; empty where nobody has to."""
        return ", ".join(f"{name} ({', '.join(causes)})" for name, causes in sorted(self.readers.items()))

    def words_of_job(self, name: str) -> str:
        """What became of a Job."""
        change = self.changes.get(f"job/{name}")
        if change is None:
            return "none in this overlay"
        return {"run again": "ran again", "unchanged": "had run"}.get(change, "ran")


def waves(objects: Iterable[KubeObject]) -> Iterator[list[KubeObject]]:
    """The objects in the order of their needs; those of one wave go at the same time."""
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
    """Apply them to a cluster that is ours.

    A Job cannot be changed: one that is another now, or that failed, is deleted and made anew. Who has read a ConfigMap
    or Secret that somebody changed by hand, and that is put back, starts anew.

    Args:
        established: Waits for the CustomResourceDefinitions that it is given.
        again: Jobs that run once more even where nothing changed.

    Raises:
        PlexdevError: ``kube-refused``, ``webhook-refused`` or ``quota-exceeded``, of the first object that was refused;
            ``object-held``: a Job's predecessor does not go.
    """
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as threads:
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
    there = client.get(resource, meta["name"], meta.get("namespace"))
    name = f"{kind.lower()}/{meta['name']}"
    causes = read_by(client, wanted, result.restored) if there is not None else ()
    if kind == "Job" and there is not None and (causes or meta["name"] in again or _has_failed(there)):
        return name, _run_again(client, wanted)
    try:
        after = client.apply(wanted)
        if (found := restored(there, after)) is not None:
            result.restored[key_of(after)] = found
        if there is not None and causes and restart(client, there, after, causes):
            result.readers[name] = [each.name for each in causes]
            return name, "restarted"
        return name, _change(there, after)
    except PlexdevError as error:
        if kind == "Job" and there is not None and _IMMUTABLE in f"{error.facts.get('message')}{error.detail}":
            return name, _run_again(client, wanted)
        raise


def _run_again(client: KubeClient, job: KubeObject) -> Change:
    name, namespace = job["metadata"]["name"], job["metadata"]["namespace"]
    there = client.get(JOB, name, namespace)
    client.delete(JOB, name, namespace)
    if there is not None:
        _wait_until_gone(client, there)
    client.apply(job)
    return "run again"


def _wait_until_gone(client: KubeClient, old: KubeObject) -> None:
    """Return once *old* is gone: until then an apply would change it, and nothing would run again.

    Raises:
        PlexdevError: ``object-held``, with the finalizers that hold it.
    """
    name, namespace = old["metadata"]["name"], old["metadata"]["namespace"]
    timeout_s = min(_LET_GO_S, remaining_s())

    def is_gone(job: KubeObject | None) -> bool:
        return job is None or job["metadata"]["uid"] != old["metadata"]["uid"]

    job = poll(lambda: client.get(JOB, name, namespace), until=is_gone, every_s=_LOOK_AGAIN_S, timeout_s=timeout_s)
    if job is not None and not is_gone(job):
        raise _held(client, job, timeout_s)


def _held(client: KubeClient, job: KubeObject, seconds: float) -> PlexdevError:
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
