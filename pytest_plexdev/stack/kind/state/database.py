"""Identify a stack's database. Postgres stores its data in its Pod, so a new Pod means an empty database.

A new database has to be migrated and seeded again: by the Jobs of our images, and by SpiceDB's init container.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from typing import Final

from pytest_plexdev.core.poll import poll
from pytest_plexdev.kube import KubeClient
from pytest_plexdev.kube.pods import NAME_LABEL
from pytest_plexdev.kube.resources import DEPLOYMENT, JOB, POD, KubeObject
from pytest_plexdev.kube.timestamps import seconds
from pytest_plexdev.stack.kind.constants import NAMESPACE

INPUT: Final = "the database (pod/postgres-0)"
"""The name of the database among the inputs of a fingerprint."""
_SPICEDB: Final = "spicedb"
_POD: Final = "postgres-0"
_DATABASE: Final = "plexdev.plexsphere.com/database"
"""Annotation of SpiceDB's Pod template: the uid of the Postgres Pod that it was restarted for, or else the time."""
_POLL_INTERVAL_S: Final = 0.1
_MANAGER: Final = "plexdev-restart"
"""A separate field manager, so that the next apply of the rendered objects does not remove the annotation."""


def identity(client: KubeClient) -> Mapping[str, str]:
    """The uid of Postgres' Pod as an input of the fingerprint; empty if the Pod is missing or terminating."""
    pod = client.get(POD, _POD, NAMESPACE)
    return {INPUT: pod["metadata"]["uid"]} if pod is not None and not _is_terminating(pod) else {}


def wait_until_old_is_gone(client: KubeClient, *, timeout: float) -> None:
    """Wait until no Pod of Postgres is terminating, or *timeout* seconds have passed. A terminating Pod looks ready."""
    # This takes a second or two. `kubectl wait --for=delete` would wait for the new Pod too, which has the same name.
    poll(
        lambda: (pod := client.get(POD, _POD, NAMESPACE)) is None or not _is_terminating(pod),
        every_s=_POLL_INTERVAL_S,
        timeout_s=timeout,
    )


def was_used_by(client: KubeClient, jobs: Collection[str]) -> bool:
    """Whether SpiceDB's Pods and *jobs*, as far as they exist, were created after the Pod of Postgres.

    Then they used this database, also if no completed bring-up recorded its identity.
    """
    postgres = client.get(POD, _POD, NAMESPACE)
    if postgres is None or _is_terminating(postgres):
        return False
    users = [
        *client.list(POD, NAMESPACE, labels=f"{NAME_LABEL}={_SPICEDB}")["items"],
        *(each for each in client.list(JOB, NAMESPACE)["items"] if each["metadata"]["name"] in jobs),
    ]
    # Timestamps are whole seconds: one of the same second may be older.
    return all(_created(each) > _created(postgres) for each in users if not _is_terminating(each))


def restart_spicedb(client: KubeClient, database: Mapping[str, str]) -> bool:
    """Restart SpiceDB, so that it migrates the current database. Returns ``False`` if there is no SpiceDB."""
    if client.get(DEPLOYMENT, _SPICEDB, NAMESPACE) is None:
        return False
    template = {"metadata": {"annotations": {_DATABASE: database.get(INPUT) or str(time.time())}}}
    meta = {"name": _SPICEDB, "namespace": NAMESPACE}
    restart = {"apiVersion": DEPLOYMENT.api_version, "kind": DEPLOYMENT.kind, "metadata": meta}
    client.apply({**restart, "spec": {"template": template}}, manager=_MANAGER)
    return True


def _created(item: KubeObject) -> float:
    return seconds(item["metadata"]["creationTimestamp"]) or 0.0


def _is_terminating(pod: KubeObject) -> bool:
    return "deletionTimestamp" in pod["metadata"]
