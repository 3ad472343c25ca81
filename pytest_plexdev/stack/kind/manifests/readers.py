"""Restart the workloads that read a ConfigMap or Secret which was edited by hand and then restored by an apply.

The hash in the Pod template does not restart them, because it depends only on what is rendered. A Pod that started
before the edit still has the right content and is not restarted. That matters for Postgres, which would lose its data.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pytest_plexdev.kube import KubeClient
from pytest_plexdev.kube.client import FIELD_MANAGER
from pytest_plexdev.kube.resources import POD, KubeObject
from pytest_plexdev.kube.timestamps import seconds
from pytest_plexdev.stack.kind.manifests.transform import pod_template, references_of

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
        edited_at: Unix time of the last write by another field manager, in seconds; 0 if unknown.
    """

    name: str
    version: str
    edited_at: float


def restored(before: KubeObject | None, after: KubeObject) -> Restored | None:
    """The content that an apply restored; ``None`` if the object is new, unchanged, or neither ConfigMap nor Secret."""
    if after["kind"] not in {"ConfigMap", "Secret"} or before is None or _content(before) == _content(after):
        return None
    meta = after["metadata"]
    return Restored(f"{after['kind'].lower()}/{meta['name']}", meta["resourceVersion"], _edited_at(before))


def key_of(item: KubeObject) -> tuple[str, str, str]:
    """The key that :func:`references_of` uses for an applied object."""
    meta = item["metadata"]
    return item["kind"], meta.get("namespace", ""), meta["name"]


def read_by(
    client: KubeClient, reader: KubeObject, content: Mapping[tuple[str, str, str], Restored]
) -> Collection[Restored]:
    """The objects of *content* whose edited version the Pods of *reader* may have read: they started after the edit."""
    wanted = references_of(reader)
    found = [each for key, each in content.items() if key in wanted]
    if not found:
        return ()
    started = max(_start_times(client, reader), default=0.0)
    # Both times have a resolution of one second.
    return [each for each in found if started >= each.edited_at - 1]


def restart(client: KubeClient, before: KubeObject, after: KubeObject, causes: Collection[Restored]) -> bool:
    """Restart a workload's Pods. Returns ``False`` if the apply itself restarts them, or if the kind has no rollout."""
    if after["kind"] not in _WITH_ROLLOUT or pod_template(before) != pod_template(after):
        return False
    annotations = {_RESTARTED_FOR: ",".join(sorted(f"{each.name}@{each.version}" for each in causes))}
    meta = {part: after["metadata"][part] for part in ("name", "namespace")}
    wanted = {"apiVersion": after["apiVersion"], "kind": after["kind"], "metadata": meta}
    client.apply({**wanted, "spec": {"template": {"metadata": {"annotations": annotations}}}}, manager=_MANAGER)
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


def _start_times(client: KubeClient, reader: KubeObject) -> Iterator[float]:
    """The start times of all containers of its Pods, including terminated ones."""
    labels = (reader["spec"].get("selector") or {}).get("matchLabels") or {"job-name": reader["metadata"]["name"]}
    selector = ",".join(f"{name}={value}" for name, value in labels.items())
    for pod in client.list(POD, reader["metadata"]["namespace"], labels=selector)["items"]:
        status = pod.get("status") or {}
        for one in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
            for state in (*(one.get("state") or {}).values(), *(one.get("lastState") or {}).values()):
                yield seconds(state.get("startedAt")) or 0.0
