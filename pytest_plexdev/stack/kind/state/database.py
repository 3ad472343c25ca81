"""The identity of a stack's database: Postgres stores data in its Pod, so a new Pod is an empty database.

What filled it then has to fill it again: the Jobs of our images, and SpiceDB, whose migration is an init container.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

from pytest_plexdev.core.poll import poll
from pytest_plexdev.kube import KubeClient
from pytest_plexdev.kube.resources import DEPLOYMENT, POD, KubeObject
from pytest_plexdev.stack.kind.constants import NAMESPACE

INPUT: Final = "the database (pod/postgres-0)"
"""What it is called among the inputs of a fingerprint."""
_SPICEDB: Final = "spicedb"
_POD: Final = "postgres-0"
_DATABASE: Final = "plexdev.plexsphere.com/database"
"""Annotation of a Pod template: the uid of the Pod of Postgres that its Pods were restarted for; else the time."""
_LOOK_AGAIN_S: Final = 0.1
_MANAGER: Final = "plexdev-restart"
"""Another owner than that of what is rendered, which would take the annotation away with its next apply."""


def identity(client: KubeClient) -> Mapping[str, str]:
    """The uid of Postgres' Pod as an input of the fingerprint; empty where there is none, or it is going away."""
    pod = client.get(POD, _POD, NAMESPACE)
    return {INPUT: pod["metadata"]["uid"]} if pod is not None and not _is_going(pod) else {}


def wait_until_old_is_gone(client: KubeClient, *, timeout: float) -> None:
    """Return once no Pod of Postgres is being deleted any more, which looks ready until then; or after *timeout*."""
    # For a second or two; `kubectl wait --for=delete` would wait for the end of the new Pod, which has its name.
    poll(
        lambda: (pod := client.get(POD, _POD, NAMESPACE)) is None or not _is_going(pod),
        every_s=_LOOK_AGAIN_S,
        timeout_s=timeout,
    )


def restart_spicedb(client: KubeClient, database: Mapping[str, str]) -> bool:
    """Have SpiceDB migrate the database that there is now; ``False`` where there is no SpiceDB."""
    there = client.get(DEPLOYMENT, _SPICEDB, NAMESPACE)
    if there is None:
        return False
    template = {"metadata": {"annotations": {_DATABASE: database.get(INPUT) or str(time.time())}}}
    meta = {"name": _SPICEDB, "namespace": NAMESPACE}
    restart = {"apiVersion": DEPLOYMENT.api_version, "kind": DEPLOYMENT.kind, "metadata": meta}
    client.apply({**restart, "spec": {"template": template}}, manager=_MANAGER)
    return True


def _is_going(pod: KubeObject) -> bool:
    return "deletionTimestamp" in pod["metadata"]
