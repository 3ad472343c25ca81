"""Fixtures with a cluster whose node has the image of the tests' workloads."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from pytest_plexdev.core.subprocesses import run
from pytest_plexdev.kube import Access, KubeClient
from pytest_plexdev.readiness import ObjectRef, refs_of
from tests.support.workloads import IMAGE


@pytest.fixture(scope="session")
def cluster(bare_cluster: Access) -> Access:
    """The bare cluster with busybox on its node. If Docker does not have the image, the node pulls it."""
    have = subprocess.run(["docker", "image", "inspect", IMAGE], capture_output=True, check=False)
    if have.returncode == 0:
        name = bare_cluster.context.removeprefix("kind-")
        run(["kind", "load", "docker-image", IMAGE, "--name", name], timeout=120, purpose="the tests run it")
    return bare_cluster


@pytest.fixture
def apply(cluster: Access, kube: KubeClient, namespace: str) -> Callable[..., list[ObjectRef]]:
    """Apply objects to the test's namespace. Returns those that have a readiness."""

    def all_of(*objects: dict[str, Any]) -> list[ObjectRef]:
        placed = [{**each, "metadata": {**each["metadata"], "namespace": namespace}} for each in objects]
        return refs_of([kube.apply(each) for each in placed])

    return all_of
