"""A warm cluster with another name: bring it up from another process, and read its workloads."""

from __future__ import annotations

import subprocess
import sys

from pytest_plexdev.core.model import StackInfo
from pytest_plexdev.kube import Access, KubeClient, read_access
from pytest_plexdev.kube.resources import DEPLOYMENT, JOB, POD, STATEFUL_SET
from pytest_plexdev.stack.kind.constants import NAMESPACE
from pytest_plexdev.stack.kind.images.pins import read_pins
from pytest_plexdev.stack.kind.settings import KindSettings

IMAGE = read_pins()["busybox"].reference
UP = """
import sys
from pathlib import Path
from pytest_plexdev.stack.kind.warm import up
from pytest_plexdev.stack.kind.settings import KindSettings
from pytest_plexdev.core.signals import raising_terminated
name, state, image, port = sys.argv[1:]
settings = KindSettings(name=name, state=Path(state), kind_image=image or None, api_port=int(port), idp_port=int(port),
                        on_drift="apply", timeout=400)
def progress(event):
    print(event, flush=True)
with raising_terminated():
    print("did", up.bring_up(settings, progress)[1], flush=True)
"""


def another_up(settings: KindSettings) -> subprocess.Popen[str]:
    """Bring the cluster up in another process."""
    words = [settings.name, str(settings.state), settings.kind_image or "", str(settings.api_port)]
    return subprocess.Popen(
        [sys.executable, "-c", UP, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def access_of(info: StackInfo) -> Access:
    assert info.cluster is not None
    access = read_access(info.cluster.kubeconfig, info.cluster.context)
    assert access is not None
    return access


def versions(client: KubeClient) -> dict[str, str]:
    """The generation and the uid of every workload of the stack, by name."""
    return {
        item["metadata"]["name"]: str(item["metadata"]["generation"]) + item["metadata"]["uid"]
        for resource in (DEPLOYMENT, STATEFUL_SET, JOB)
        for item in client.list(resource, NAMESPACE)["items"]
    }


def pods(client: KubeClient) -> set[str]:
    return {item["metadata"]["uid"] for item in client.list(POD, NAMESPACE)["items"]}
