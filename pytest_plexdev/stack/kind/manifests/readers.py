"""Restart the workloads that read a ConfigMap or Secret which was edited or deleted by hand and restored by an apply.

The hash in the Pod template does not restart them, because it depends only on what is rendered. A Pod that started
before the edit or deletion has the right content and is not restarted: Postgres would lose its data. Without a restart,
a Pod that waits for a deleted object would be retried only after up to two minutes. A controller that reads a Secret
from the API server is restarted in any case.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pytest_plexdev.kube import KubeClient
from pytest_plexdev.kube.client import FIELD_MANAGER
from pytest_plexdev.kube.resources import POD, KubeObject
from pytest_plexdev.kube.timestamps import seconds
from pytest_plexdev.stack.kind.manifests.transform import pod_template, references_of, secrets_read_by

_WITH_ROLLOUT: Final = frozenset({"Deployment", "StatefulSet", "DaemonSet"})
_RESTARTED_FOR: Final = "plexdev.plexsphere.com/restarted-for"
"""Annotation of a Pod template: the restored objects for which its Pods were restarted, with their versions."""
_MANAGER: Final = "plexdev-readers"
"""A separate field manager, so that the next apply of the rendered objects does not remove the annotation."""


@dataclass(frozen=True)
class Restored:
    """A ConfigMap or Secret whose content an apply changed.

    Attributes:
        name: Kind and name, such as ``secret/postgres-credentials``.
        version: The resource version after the apply.
        edited_at: Unix time of the last write by another field manager, in seconds; 0 if unknown. ``None`` if the
            object did not exist before.
    """

    name: str
    version: str
    edited_at: float | None


def restored(before: KubeObject | None, after: KubeObject) -> Restored | None:
    """The content that an apply created or changed; ``None`` if it is unchanged, or neither ConfigMap nor Secret."""
    if after["kind"] not in {"ConfigMap", "Secret"}:
        return None
    if before is not None and _content(before) == _content(after):
        return None
    meta = after["metadata"]
    edited_at = _edited_at(before) if before is not None else None
    return Restored(f"{after['kind'].lower()}/{meta['name']}", meta["resourceVersion"], edited_at)


def key_of(item: KubeObject) -> tuple[str, str, str]:
    """The key that :func:`references_of` uses for an applied object."""
    meta = item["metadata"]
    return item["kind"], meta.get("namespace", ""), meta["name"]


def read_by(
    client: KubeClient, reader: KubeObject, content: Mapping[tuple[str, str, str], Restored]
) -> Collection[Restored]:
    """The objects of *content* for which the Pods of *reader* must be restarted.

    They started after the edit, so they may have read the edited version; or one waits for the deleted object.
    """
    found = {key: content[key] for key in references_of(reader) & content.keys()}
    if not found:
        return ()
    starts = [list(_start_times(pod)) for pod in _pods(client, reader)]
    last_start = max((time for times in starts for time in times), default=0.0)
    always = secrets_read_by(reader)

    def concerns(key: tuple[str, str, str], each: Restored) -> bool:
        if key in always:
            return True
        if each.edited_at is None:
            return any(not times for times in starts)
        # Both times have a resolution of one second.
        return last_start >= each.edited_at - 1

    return [each for key, each in found.items() if concerns(key, each)]


def restart(client: KubeClient, before: KubeObject, after: KubeObject, causes: Collection[Restored]) -> bool:
    """Restart a workload's Pods. Returns ``False`` if the apply itself restarts them, or if the kind has no rollout."""
    if after["kind"] not in _WITH_ROLLOUT or pod_template(before) != pod_template(after):
        return False
    annotations = {_RESTARTED_FOR: ",".join(sorted(f"{each.name}@{each.version}" for each in causes))}
    meta = {part: after["metadata"][part] for part in ("name", "namespace")}
    wanted = {"apiVersion": after["apiVersion"], "kind": after["kind"], "metadata": meta}
    client.apply({**wanted, "spec": {"template": {"metadata": {"annotations": annotations}}}}, manager=_MANAGER)
    if after["kind"] == "StatefulSet":
        # Its controller replaces a Pod of an older revision only once that is ready.
        for pod in (each for each in _pods(client, after) if not list(_start_times(each))):
            client.delete(POD, pod["metadata"]["name"], pod["metadata"]["namespace"])
    return True


def _content(item: KubeObject) -> tuple[Any, Any]:
    return item.get("data") or {}, item.get("binaryData") or {}


def _edited_at(item: KubeObject) -> float:
    """Unix time of the last write by another field manager, in seconds; 0 if unknown."""
    others = (
        each
        for each in item["metadata"].get("managedFields") or ()
        if each.get("manager") != FIELD_MANAGER or each.get("operation") != "Apply"
    )
    return max((seconds(each.get("time")) or 0.0 for each in others), default=0.0)


def _pods(client: KubeClient, reader: KubeObject) -> Sequence[KubeObject]:
    labels = (reader["spec"].get("selector") or {}).get("matchLabels") or {"job-name": reader["metadata"]["name"]}
    selector = ",".join(f"{name}={value}" for name, value in labels.items())
    found: Sequence[KubeObject] = client.list(POD, reader["metadata"]["namespace"], labels=selector)["items"]
    return found


def _start_times(pod: KubeObject) -> Iterator[float]:
    """The start times of all its containers, including terminated ones."""
    status = pod.get("status") or {}
    for one in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        for state in (*(one.get("state") or {}).values(), *(one.get("lastState") or {}).values()):
            if (started := seconds(state.get("startedAt"))) is not None:
                yield started
