"""Whose data a stack has: Postgres keeps its own in its Pod, so another Pod is an empty database.

What filled it then has to fill it again: the Jobs of our images, and SpiceDB, whose migration is an init container.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

from pytest_plexdev.command import run
from pytest_plexdev.kube import KubeClient
from pytest_plexdev.kube.client import Object
from pytest_plexdev.kube.resources import DEPLOYMENT, POD
from pytest_plexdev.stack.kind.names import NAMESPACE

INPUT: Final = "the database (pod/postgres-0)"
"""What it is called among the inputs of a fingerprint."""
_SPICEDB: Final = "spicedb"
_POD: Final = "postgres-0"
_DATABASE: Final = "plexdev.plexsphere.com/database"
"""Annotation of a Pod template: the uid of the Pod of Postgres that its Pods were restarted for; else the time."""
_LATE: Final = 5.0
_MANAGER: Final = "plexdev-restart"
"""Another owner than that of what is rendered, which would take the annotation away with its next apply."""


def identity(client: KubeClient) -> Mapping[str, str]:
    """The uid of Postgres' Pod as an input of the fingerprint; empty where there is none, or it is going away."""
    pod = client.get(POD, _POD, NAMESPACE)
    return {INPUT: pod["metadata"]["uid"]} if pod is not None and not _is_going(pod) else {}


def wait_until_old_is_gone(client: KubeClient, *, timeout: float) -> None:
    """Return once a Pod of Postgres that is being deleted, and looks ready until then, is gone.

    Raises:
        PlexdevError: ``command-failed``: it does not go.
    """
    pod = client.get(POD, _POD, NAMESPACE)
    if pod is None or not _is_going(pod):
        return
    argv = [*client.access.kubectl, "-n", NAMESPACE, "wait", "--for=delete", f"pod/{_POD}", f"--timeout={timeout:.0f}s"]
    run(argv, timeout=timeout + _LATE, purpose="the old database goes before the new one is filled")


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


def _is_going(pod: Object) -> bool:
    return "deletionTimestamp" in pod["metadata"]
