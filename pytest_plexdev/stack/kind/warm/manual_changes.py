"""Find what was changed by hand in a stack of ours and `plexdev up` reverts, though no input of the stack differs.

An object that was deleted is always among it. A ConfigMap or Secret whose content was edited is only if the stack is
not ready: Pods that read it fail with an error of their own. An edit in a stack that is ready is left alone.
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
from pytest_plexdev.stack.kind.state.applied_objects import deleted_objects
from pytest_plexdev.stack.kind.warm.node_status import UP


@dataclass(frozen=True)
class ManualChange:
    """An object that was changed or deleted since the stack was ready.

    Attributes:
        name: ``secret/postgres-credentials``.
        reason: What happened to it.
    """

    name: str
    reason: str

    @property
    def verdict(self) -> Verdict:
        """Listed before the objects that are not ready, because it may be their cause."""
        return Verdict(name=self.name, state="doomed", reason=self.reason, hint=UP)


def changes_to_revert(client: KubeClient) -> list[ManualChange]:
    """List deleted objects, and edited content if not all of the stack is ready; nothing without a ready mark.

    Raises:
        PlexdevError: ``cluster-unreachable``, ``kube-refused``.
    """
    ready = ownership.read_ready(client)
    if ready is None:
        return []
    reason = "it was deleted since the stack was ready"
    deleted = [ManualChange(name, reason) for name in deleted_objects(client, ready.objects)]
    edited = list(_edits(client, since=ready.at))
    if edited and not deleted:
        statuses = statuses_now(client, objects_of_stack(client, owned=True))
        return edited if any(each.state != "ready" for each in statuses) else []
    return [*deleted, *edited]


def _edits(client: KubeClient, *, since: float) -> Iterator[ManualChange]:
    for resource in (CONFIG_MAP, SECRET):
        for item in client.list(resource, NAMESPACE)["items"]:
            by = _editor(item, since) if is_applied_by_us(item) else ""
            if by:
                reason = f"its content was changed by hand ({by}) since the stack was ready"
                yield ManualChange(f"{resource.kind.lower()}/{item['metadata']['name']}", reason)


def _editor(item: KubeObject, since: float) -> str:
    for each in item["metadata"].get("managedFields") or ():
        has_content = {"f:data", "f:binaryData"} & set(each.get("fieldsV1") or ())
        # The cluster's timestamps are whole seconds.
        if has_content and each.get("manager") != FIELD_MANAGER and (seconds(each.get("time")) or 0.0) >= since - 1:
            return str(each.get("manager"))
    return ""
