"""Fixtures with real kind clusters. Without Docker or kind, the tests are skipped with the reason.

``PLEXDEV_TEST_CLUSTER=required`` turns such a skip into a failure, and ``PLEXDEV_TEST_FULL=required`` the one for lack
of the images of the profile ``full``; CI sets both. ``PLEXDEV_TEST_KEEP=NAME`` uses the bare cluster of that name and
keeps it, for developing these tests.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_plexdev.core.model import StackInfo
from pytest_plexdev.core.subprocesses import run
from pytest_plexdev.kube import Access, KubeClient, read_access
from pytest_plexdev.kube.resources import NAMESPACE
from pytest_plexdev.stack.kind.images.local import local_images
from pytest_plexdev.stack.kind.images.pins import read_pins
from pytest_plexdev.stack.kind.settings import KindSettings, warm_directory
from pytest_plexdev.stack.kind.warm import down, up
from tests.support.clusters import CACHE, NODE_IMAGE, STATE

BARE_CONFIG = "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnodes: [{role: control-plane}]\n"


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark the tests that need the images of the profile ``full``."""
    if "full_images" in getattr(item, "fixturenames", ()):
        item.add_marker("full_profile")


@pytest.fixture(scope="session")
def cluster_tools() -> None:
    """Skip the test, with the reason, unless Docker answers and kind and kubectl are installed."""
    _skip_or_fail(_why_no_cluster(), required_by="PLEXDEV_TEST_CLUSTER")


@pytest.fixture(scope="session")
def full_images(cluster_tools: None) -> None:
    """Skip the test, with the reason, unless the images of the profile ``full`` are on the engine."""
    here = local_images()
    further = [pin.reference for pin in read_pins().values() if pin.profile == "full"]
    missing = [reference for reference in further if here.id_of(reference) is None]
    _skip_or_fail(f"not on the engine: {', '.join(missing)}" if missing else None, required_by="PLEXDEV_TEST_FULL")


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The temporary directory of a test's pytest runs. Its path is short, so that it can have sockets."""
    with tempfile.TemporaryDirectory(prefix="pt-", dir="/tmp") as directory:
        monkeypatch.setenv("TMPDIR", directory)
        yield Path(directory)


@pytest.fixture(scope="session")
def bare_cluster(cluster_tools: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Access]:
    """A kind cluster without a stack, shared by the tests of this process."""
    kept = os.environ.get("PLEXDEV_TEST_KEEP")
    name = kept or f"plexdev-test-{secrets.token_hex(3)}"
    kubeconfig = tmp_path_factory.mktemp("bare") / "kubeconfig"
    _create(name, kubeconfig)
    try:
        access = read_access(kubeconfig, f"kind-{name}")
        assert access is not None
        yield access
    finally:
        if not kept:
            run(
                ["kind", "delete", "cluster", "--name", name, "--kubeconfig", str(kubeconfig)],
                timeout=60,
                purpose="the tests are over",
            )


@pytest.fixture(scope="session")
def kube(bare_cluster: Access) -> Iterator[KubeClient]:
    """A client of the bare cluster."""
    with KubeClient(bare_cluster) as client:
        yield client


@pytest.fixture
def namespace(kube: KubeClient) -> Iterator[str]:
    """A namespace of the bare cluster for one test."""
    name = f"test-{secrets.token_hex(3)}"
    kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    kube.delete(NAMESPACE, name)


def _create(name: str, kubeconfig: Path) -> None:
    if name in run(["kind", "get", "clusters"], timeout=30, purpose="is it there?").stdout.split():
        run(
            ["kind", "export", "kubeconfig", "--name", name, "--kubeconfig", str(kubeconfig)],
            timeout=30,
            purpose="tests",
        )
        return
    image = ["--image", NODE_IMAGE] if NODE_IMAGE else []
    command = ["kind", "create", "cluster", "--name", name, "--kubeconfig", str(kubeconfig), "--config", "-", *image]
    run(command, timeout=300, purpose="the tests need a cluster", stdin=BARE_CONFIG.encode())


def _skip_or_fail(reason: str | None, *, required_by: str) -> None:
    if reason is None:
        return
    if os.environ.get(required_by) == "required":
        pytest.fail(f"the cluster tests must run here: {reason}")
    pytest.skip(reason)


def _why_no_cluster() -> str | None:
    for program in ("docker", "kind", "kubectl"):
        if shutil.which(program) is None:
            return f"{program} is not on PATH"
    answer = subprocess.run(["docker", "info"], capture_output=True, text=True, timeout=30, check=False)
    return None if answer.returncode == 0 else f"Docker does not answer: {answer.stderr.strip()}"


@pytest.fixture(scope="session")
def warm_stack(cluster_tools: None) -> Iterator[StackInfo]:
    """The stack of this checkout on the warm cluster. A cluster that existed before is kept, with its profile."""
    settings = KindSettings(kind_image=NODE_IMAGE, timeout=400.0, on_drift="apply", keeps_profile=True)
    was_there = (warm_directory() / "kubeconfig").exists()
    info, _ = up.bring_up(settings, lambda _: None)
    yield info
    if not was_there:
        down.take_down(settings, force=False, progress=lambda _: None)


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project with the real state and cache directories: pytester sets another home, which has no clusters."""
    for name in ("DEV_STACK", "PLEXDEV_STACK", "PLEXDEV_KEEP", "PYTEST_ADDOPTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PLEXDEV_STATE_DIR", str(STATE))
    monkeypatch.setenv("PLEXDEV_CACHE_DIR", str(CACHE))
    pytester.makeini("[pytest]\nfilterwarnings = error\n")
    return pytester
