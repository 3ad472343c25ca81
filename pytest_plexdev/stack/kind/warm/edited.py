"""Find what was changed by hand in the ConfigMaps and Secrets of a stack of ours that is not ready.

Pods that read one do not say so: they end with an error of their own. A change that hurts nobody is its user's to make.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pytest_plexdev.core.model import Verdict
from pytest_plexdev.kube import KubeClient
from pytest_plexdev.kube.client import FIELD_MANAGER, Object
from pytest_plexdev.kube.resources import CONFIG_MAP, SECRET
from pytest_plexdev.readiness.look import statuses_now
from pytest_plexdev.readiness.object_cache import seconds
from pytest_plexdev.stack.kind.constants import NAMESPACE
from pytest_plexdev.stack.kind.manifests.inventory import is_applied_by_us, parts_of
from pytest_plexdev.stack.kind.state import ownership
from pytest_plexdev.stack.kind.warm.node_status import UP


@dataclass(frozen=True)
class Edit:
    """One that somebody wrote since the stack was ready.

    Attributes:
        name: ``secret/postgres-credentials``.
        by: The program that wrote it, as the API server calls it.
    """

    name: str
    by: str

    @property
    def verdict(self) -> Verdict:
        """In a list of objects that are not ready it is the first, since others may only follow from it."""
        reason = f"its content was changed by hand ({self.by}) since the stack was ready"
        return Verdict(name=self.name, state="doomed", reason=reason, hint=UP)


def edits_in_the_way(client: KubeClient) -> list[Edit]:
    """What was changed by hand in a stack of ours, where not all of it is ready; else nothing.

    Raises:
        PlexdevError: ``cluster-unreachable``, ``kube-refused``.
    """
    ready = ownership.read_ready(client)
    found = list(_edits(client, since=ready.at)) if ready is not None else []
    if not found:
        return []
    statuses = statuses_now(client, parts_of(client, owned=True))
    return found if any(each.state != "ready" for each in statuses) else []


def _edits(client: KubeClient, *, since: float) -> Iterator[Edit]:
    for resource in (CONFIG_MAP, SECRET):
        for item in client.list(resource, NAMESPACE)["items"]:
            by = _editor(item, since) if is_applied_by_us(item) else ""
            if by:
                yield Edit(f"{resource.kind.lower()}/{item['metadata']['name']}", by)


def _editor(item: Object, since: float) -> str:
    for each in item["metadata"].get("managedFields") or ():
        has_content = {"f:data", "f:binaryData"} & set(each.get("fieldsV1") or ())
        # Timestamps of the cluster are whole seconds.
        if has_content and each.get("manager") != FIELD_MANAGER and (seconds(each.get("time")) or 0.0) >= since - 1:
            return str(each.get("manager"))
    return ""
