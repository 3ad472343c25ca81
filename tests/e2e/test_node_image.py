"""Node images with the third-party images inside, in a real cluster."""

from __future__ import annotations

import concurrent.futures
import os
import secrets
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_plexdev.core.subprocesses import run
from pytest_plexdev.kube import Access, KubeClient, read_access
from pytest_plexdev.stack.kind.cluster.docker_engine import docker
from pytest_plexdev.stack.kind.images import build
from pytest_plexdev.stack.kind.images.node_image import derived
from pytest_plexdev.stack.kind.images.pins import read_pins
from tests.support.clusters import NODE_IMAGE
from tests.support.tiny_image import tiny_image

pytestmark = [
    pytest.mark.usefixtures("cluster_tools"),
    pytest.mark.skipif(NODE_IMAGE is None, reason="PLEXDEV_KIND_IMAGE names no node image"),
]


@pytest.fixture
def tiny() -> Iterator[Callable[[str], str]]:
    """Build an image with one file of the given text, always with the same name."""
    with tiny_image() as make:
        yield make


def test_pods_start_from_the_images_of_a_derived_node_image(tmp_path: Path) -> None:
    pins = read_pins()
    image = derived(NODE_IMAGE, pins)
    assert image is not None
    name = f"plexdev-test-{secrets.token_hex(3)}"
    kubeconfig = tmp_path / "kubeconfig"
    kind = ("--name", name, "--kubeconfig", str(kubeconfig))
    try:
        run(["kind", "create", "cluster", "--image", image, *kind], timeout=300, purpose="a test's cluster")
        access = read_access(kubeconfig, f"kind-{name}")
        assert access is not None
        assert build.missing_on_node(name, pins) == []
        _wait(access, "--for=create", "serviceaccount/default")
        with KubeClient(access) as client:
            client.apply(_pod([pin.reference for pin in pins.values() if pin.is_deployed]))
        _wait(access, "--for=condition=Ready", "pod/all")
    finally:
        run(["kind", "delete", "cluster", *kind], timeout=120, purpose="the test is over")


def test_of_two_processes_one_makes_the_node_image(tmp_path: Path, tiny: Callable[[str], str]) -> None:
    repository, tag = tiny("inside").split(":")
    script = (
        "import sys\n"
        "from pytest_plexdev.stack.kind.images.node_image import derived\n"
        "from pytest_plexdev.stack.kind.images.pins import Pin\n"
        f"print(derived({NODE_IMAGE!r}, {{'one': Pin('one', {repository!r}, {tag!r})}}, sys.stderr.write))"
    )
    environment = os.environ | {"PLEXDEV_CACHE_DIR": str(tmp_path)}
    ask = [sys.executable, "-c", script]

    with concurrent.futures.ThreadPoolExecutor() as threads:
        both = list(threads.map(lambda _: run(ask, timeout=200, purpose="a test", environment=environment), range(2)))

    (name,) = {result.stdout.strip() for result in both}
    try:
        assert sorted("baking" in result.stderr for result in both) == [False, True]
    finally:
        docker("image", "rm", name, purpose="the test is over")


def _wait(access: Access, *words: str) -> None:
    run([*access.kubectl, "wait", "--timeout=120s", *words], timeout=150, purpose="a test waits")


def _pod(references: list[str]) -> dict[str, object]:
    containers = [
        {"name": f"c{number}", "image": reference, "imagePullPolicy": "Never", "command": ["sleep", "600"]}
        for number, reference in enumerate(references)
    ]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "all", "namespace": "default"},
        "spec": {"terminationGracePeriodSeconds": 0, "containers": containers},
    }
