"""Read the events of a namespace, one line each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from pytest_plexdev.kube.client import KubeClient
from pytest_plexdev.kube.kubeconfig import read_access
from pytest_plexdev.kube.resources import EVENT, KubeObject
from pytest_plexdev.kube.timestamps import event_time

if TYPE_CHECKING:
    from pytest_plexdev.core.model import Cluster


def events_since(cluster: Cluster, moment: float) -> list[str]:
    """The events of a stack's namespace since *moment*, oldest first, one per line.

    Args:
        moment: Unix time, seconds. It is rounded down, because most events have a resolution of one second.
    """
    access = read_access(cluster.kubeconfig, cluster.context)
    if access is None:
        return []
    with KubeClient(access) as client:
        events = client.list(EVENT, cluster.namespace)["items"]
    since = [(when, event) for event in events if (when := event_time(event)) >= int(moment)]
    return list(_lines(since))


def _lines(events: list[tuple[float, KubeObject]]) -> Iterator[str]:
    for when, event in sorted(events, key=lambda pair: pair[0]):
        about = event.get("involvedObject") or {}
        what = f"{about.get('kind', '?').lower()}/{about.get('name', '?')}"
        clock = datetime.fromtimestamp(when).strftime("%H:%M:%S")
        yield f"{clock}  {event.get('type', '')}  {what}  {event.get('reason', '')}: {event.get('message', '')}"
