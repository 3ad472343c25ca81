"""Restart the workloads that read a ConfigMap or Secret that somebody had changed by hand and an apply put back.

The hash in a Pod template follows what is rendered, which did not change. A Pod that started before the change has the
right content still, so it is left alone: of Postgres, whose data ends with its Pod, that matters.
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

_ROLLS: Final = frozenset({"Deployment", "StatefulSet", "DaemonSet"})
_RESTARTED: Final = "plexdev.plexsphere.com/restarted-for"
"""Annotation of a Pod template: the versions of what its Pods were restarted for."""
_MANAGER: Final = "plexdev-readers"
"""Another owner than that of what is rendered, which would take the annotation away with its next apply."""


@dataclass(frozen=True)
class Restored:
    """A ConfigMap or Secret whose content an apply changed.

    Attributes:
        name: ``secret/postgres-credentials``.
        version: Its resource version after the apply.
        edited_at: When somebody else wrote it last, in Unix seconds; 0 where nobody knows.
    """

    name: str
    version: str
    edited_at: float


def restored(before: KubeObject | None, after: KubeObject) -> Restored | None:
    """What an apply put back; ``None`` where the object is no data, is new, or had the same content."""
    if after["kind"] not in {"ConfigMap", "Secret"} or before is None or _content(before) == _content(after):
        return None
    meta = after["metadata"]
    return Restored(f"{after['kind'].lower()}/{meta['name']}", meta["resourceVersion"], _edited_at(before))


def key_of(item: KubeObject) -> tuple[str, str, str]:
    """What :func:`references_of` calls an object that is applied."""
    meta = item["metadata"]
    return item["kind"], meta.get("namespace", ""), meta["name"]


def read_by(
    client: KubeClient, reader: KubeObject, content: Mapping[tuple[str, str, str], Restored]
) -> Collection[Restored]:
    """Those of *content* that the Pods of a workload or Job have read as they were before the apply."""
    wanted = references_of(reader)
    found = [each for key, each in content.items() if key in wanted]
    if not found:
        return ()
    started = max(_starts(client, reader), default=0.0)
    # Both times are whole seconds.
    return [each for each in found if started >= each.edited_at - 1]


def restart(client: KubeClient, before: KubeObject, after: KubeObject, causes: Collection[Restored]) -> bool:
    """Roll a workload's Pods; ``False`` where the apply itself does, or where it has none to roll."""
    if after["kind"] not in _ROLLS or pod_template(before) != pod_template(after):
        return False
    annotations = {_RESTARTED: ",".join(sorted(f"{each.name}@{each.version}" for each in causes))}
    meta = {part: after["metadata"][part] for part in ("name", "namespace")}
    wanted = {"apiVersion": after["apiVersion"], "kind": after["kind"], "metadata": meta}
    client.apply({**wanted, "spec": {"template": {"metadata": {"annotations": annotations}}}}, manager=_MANAGER)
    return True


def _content(item: KubeObject) -> tuple[Any, Any]:
    return item.get("data") or {}, item.get("binaryData") or {}


def _edited_at(item: KubeObject) -> float:
    """When the last of those who are not us wrote it."""
    others = (
        each
        for each in item["metadata"].get("managedFields") or ()
        if each.get("manager") != FIELD_MANAGER or each.get("operation") != "Apply"
    )
    return max((seconds(each.get("time")) or 0.0 for each in others), default=0.0)


def _starts(client: KubeClient, reader: KubeObject) -> Iterator[float]:
    """When containers of its Pods started, ended ones included."""
    labels = (reader["spec"].get("selector") or {}).get("matchLabels") or {"job-name": reader["metadata"]["name"]}
    selector = ",".join(f"{name}={value}" for name, value in labels.items())
    for pod in client.list(POD, reader["metadata"]["namespace"], labels=selector)["items"]:
        status = pod.get("status") or {}
        for one in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
            for state in (*(one.get("state") or {}).values(), *(one.get("lastState") or {}).values()):
                yield seconds(state.get("startedAt")) or 0.0
