"""Access to a new cluster before kind is done: its API server accepts objects two seconds earlier."""

from __future__ import annotations

import contextlib
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Any, Final

from pytest_plexdev.core.poll import poll
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.kube import Access, KubeClient
from pytest_plexdev.kube.resources import SERVICE_ACCOUNT
from pytest_plexdev.stack.kind.cluster.cluster_files import ClusterFiles
from pytest_plexdev.stack.kind.constants import NAMESPACE

_POLL_S: Final = 0.2
"""Seconds between two attempts: kind reports nothing before its end."""
_LAST: Final = "default"
"""The service account of Pods that name none. The controllers create it once all of them work."""


def reach(files: ClusterFiles, made: Future[Access], loaded: Future[Any]) -> Access:
    """Return the access to a new cluster as soon as it accepts Pods.

    Args:
        made: The end of ``kind create``.
        loaded: The load of images onto the node; nothing is polled during it, so that it has the machine to itself.

    Raises:
        PlexdevError: The cluster was not created.
    """
    wait([made, loaded], return_when=FIRST_COMPLETED)
    access: Access | None = None

    def usable_access() -> Access | None:
        nonlocal access
        if made.done():
            return made.result()
        with contextlib.suppress(PlexdevError):
            access = access or files.fetch_access()
            return access if _accepts_pods(access) else None
        return None

    usable = poll(usable_access, every_s=_POLL_S)
    assert usable is not None
    return usable


def _accepts_pods(access: Access) -> bool:
    with KubeClient(access) as client:
        return client.get(SERVICE_ACCOUNT, _LAST, NAMESPACE) is not None
