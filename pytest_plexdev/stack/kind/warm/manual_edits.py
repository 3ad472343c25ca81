"""Find changes by hand in the ConfigMaps and Secrets of a stack of ours that is not ready.

Pods that read such an object fail with an error of their own. A change of a stack that is ready is left alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pytest_plexdev.core.model import Verdict
from pytest_plexdev.kube import KubeClient
from pytest_plexdev.kube.client import FIELD_MANAGER
from pytest_plexdev.kube.resources import CONFIG_MAP, SECRET, KubeObject
from pytest_plexdev.kube.timestamps import seconds
from pytest_plexdev.readiness.snapshot import statuses_now
from pytest_plexdev.stack.kind.constants import NAMESPACE
from pytest_plexdev.stack.kind.manifests.inventory import is_applied_by_us, objects_of_stack
from pytest_plexdev.stack.kind.state import ownership
from pytest_plexdev.stack.kind.warm.node_status import UP


@dataclass(frozen=True)
class Edit:
    """A ConfigMap or Secret that was written since the stack was ready.

    Attributes:
        name: ``secret/postgres-credentials``.
        by: The program that wrote it, as the API server calls it.
    """

    name: str
    by: str

    @property
    def verdict(self) -> Verdict:
        """Listed before the objects that are not ready, because it may be their cause."""
        reason = f"its content was changed by hand ({self.by}) since the stack was ready"
        return Verdict(name=self.name, state="doomed", reason=reason, hint=UP)


def edits_in_the_way(client: KubeClient) -> list[Edit]:
    """List changes by hand if not all of the stack is ready; else nothing.

    Raises:
        PlexdevError: ``cluster-unreachable``, ``kube-refused``.
    """
    ready = ownership.read_ready(client)
    found = list(_edits(client, since=ready.at)) if ready is not None else []
    if not found:
        return []
    statuses = statuses_now(client, objects_of_stack(client, owned=True))
    return found if any(each.state != "ready" for each in statuses) else []


def _edits(client: KubeClient, *, since: float) -> Iterator[Edit]:
    for resource in (CONFIG_MAP, SECRET):
        for item in client.list(resource, NAMESPACE)["items"]:
            by = _editor(item, since) if is_applied_by_us(item) else ""
            if by:
                yield Edit(f"{resource.kind.lower()}/{item['metadata']['name']}", by)


def _editor(item: KubeObject, since: float) -> str:
    for each in item["metadata"].get("managedFields") or ():
        has_content = {"f:data", "f:binaryData"} & set(each.get("fieldsV1") or ())
        # The cluster's timestamps are whole seconds.
        if has_content and each.get("manager") != FIELD_MANAGER and (seconds(each.get("time")) or 0.0) >= since - 1:
            return str(each.get("manager"))
    return ""
