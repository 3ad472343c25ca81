"""Wait for objects of a real cluster, and for the error of a wait."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.kube import KubeClient
from pytest_plexdev.kube.resources import DEPLOYMENT
from pytest_plexdev.readiness import ObjectRef, wait_ready

PLENTY_S = 90.0
Apply = Callable[..., list[ObjectRef]]


def fails(kube: KubeClient, wanted: list[ObjectRef], timeout: float = PLENTY_S) -> tuple[PlexdevError, float]:
    """The error of a wait, and its Unix time."""
    with pytest.raises(PlexdevError) as raised:
        wait_ready(kube, wanted, timeout=timeout)
    return raised.value, time.time()


def kube_delete(kube: KubeClient, name: str, namespace: str) -> Callable[[], object]:
    return lambda: kube.delete(DEPLOYMENT, name, namespace)
