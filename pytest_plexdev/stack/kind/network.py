"""A new node's way to Services: before kube-proxy has made its rules, a Pod that calls the API server calls nobody."""

from __future__ import annotations

import time
from typing import Final

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.kube import KubeClient
from pytest_plexdev.kube.resources import NODE

_HEALTH: Final = "10256/proxy/healthz"
"""kube-proxy answers here once its rules are made, by way of the API server."""
_LOOK_AGAIN: Final = 0.05


def wait_for_services(client: KubeClient, node: str, *, timeout: float) -> None:
    """Return once the node's Pods reach Services by their addresses.

    Raises:
        PlexdevError: ``kube-refused``: kube-proxy did not get there in time.
    """
    deadline = time.monotonic() + timeout
    while True:
        try:
            client.get(NODE, f"{node}:{_HEALTH}")
        except (PlexdevError, ValueError):
            # kube-proxy has no readiness that could be watched.
            if time.monotonic() > deadline:
                raise
        else:
            return
        time.sleep(_LOOK_AGAIN)
