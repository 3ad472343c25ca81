"""Run the doctor on a real cluster, and provoke its findings."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from typing import Any

import tenacity

from pytest_plexdev.cli.main import main
from pytest_plexdev.core.subprocesses import run
from pytest_plexdev.doctor import Finding, examine
from pytest_plexdev.kube import Access


def finding(access: Access, mode: str, *, now: Callable[[], float] = time.time) -> Finding:
    return next(each for each in examine(access, now=now, seconds=30) if each.mode == mode)


def later() -> float:
    """The time in 30 s, when an object without a controller's status is no longer considered new."""
    return time.time() + 30


def kubectl(access: Access, *words: str) -> str:
    return run([*access.kubectl, *words], timeout=150, purpose="the test").stdout


def paste(command: str) -> None:
    """Run a printed command in a shell."""
    subprocess.run(["bash", "-c", command], check=True, capture_output=True, timeout=120)


def doctor(access: Access, *words: str) -> int:
    return main(["doctor", "--kubeconfig", str(access.kubeconfig), "--context", access.context, *words])


def cluster_name(access: Access) -> str:
    return access.context.removeprefix("kind-")


def pod_of(namespace: str, name: str, image: str, *command: str) -> dict[str, Any]:
    container = {"name": name, "image": image, "imagePullPolicy": "Never", "command": list(command)}
    spec = {"containers": [container], "terminationGracePeriodSeconds": 0}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace}, "spec": spec}


@tenacity.retry(stop=tenacity.stop_after_delay(60), wait=tenacity.wait_fixed(0.5), reraise=True)
def wait_for_the_kubelet(access: Access, state: str) -> None:
    """Wait for a restarted kubelet, which opens its port after a moment and reports no event."""
    assert finding(access, "serial-pulls").state == state
