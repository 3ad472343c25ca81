"""Bring the warm cluster into each of its broken states, and repair it."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from pytest_plexdev.kube import KubeClient, read_access
from pytest_plexdev.kube.resources import SERVICE
from pytest_plexdev.stack.kind.constants import API_NODE_PORT, API_PORT, GATEWAY_NAMESPACE, WARM_CLUSTER, node_of
from tests.support.shell_user import ShellUser

NODE: Final = node_of(WARM_CLUSTER)


@contextlib.contextmanager
def paused(_: ShellUser) -> Iterator[None]:
    result = subprocess.run(["docker", "pause", NODE], capture_output=True, text=True, check=False)
    if result.returncode != 0:
        pytest.skip(f"this engine cannot pause: {result.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["docker", "unpause", NODE], capture_output=True, check=False)


@contextlib.contextmanager
def truncated(user: ShellUser) -> Iterator[None]:
    whole = user.kubeconfig.read_bytes()
    user.kubeconfig.write_bytes(whole[: len(whole) // 2])
    try:
        yield
    finally:
        user.kubeconfig.write_bytes(whole)


@contextlib.contextmanager
def wiped(user: ShellUser) -> Iterator[None]:
    aside = user.directory / "aside"
    shutil.move(user.kubeconfig.parent, aside)
    try:
        yield
    finally:
        shutil.rmtree(user.kubeconfig.parent, ignore_errors=True)
        shutil.move(aside, user.kubeconfig.parent)


@contextlib.contextmanager
def other_node_port(user: ShellUser) -> Iterator[None]:
    """Change the NodePort of the gateway's Service."""
    access = read_access(user.kubeconfig, f"kind-{WARM_CLUSTER}")
    assert access is not None
    with KubeClient(access) as client:
        services = client.list(SERVICE, GATEWAY_NAMESPACE)["items"]
    (name,) = [each["metadata"]["name"] for each in services for port in each["spec"]["ports"] if _leads_here(port)]
    patch = f'{{"spec": {{"ports": [{{"port": {API_PORT}, "nodePort": {API_NODE_PORT + 1}}}]}}}}'
    argv = [*access.kubectl, "-n", GATEWAY_NAMESPACE, "patch", "service", name, "-p", patch]
    subprocess.run(argv, check=True, capture_output=True)
    yield


@contextlib.contextmanager
def without_forwarder(_: ShellUser) -> Iterator[None]:
    """Kill Docker's program that forwards the API's port into the node."""
    forwarders = [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and _words(entry)[:1] == ["docker-proxy"] and str(API_PORT) in _words(entry)
    ]
    if os.geteuid() != 0 or not forwarders:
        pytest.skip("needs root, and the docker-proxy of an engine in the same PID namespace")
    for pid in forwarders:
        os.kill(pid, 9)
    yield


@contextlib.contextmanager
def without_kubelet(_: ShellUser) -> Iterator[None]:
    """Stop the kubelet. Kubernetes still shows the node and its Pods as ready for a while."""
    subprocess.run(["docker", "exec", NODE, "systemctl", "stop", "kubelet"], check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run(["docker", "exec", NODE, "systemctl", "start", "kubelet"], check=True, capture_output=True)


def _words(process: Path) -> list[str]:
    try:
        words = (process / "cmdline").read_bytes().decode(errors="replace").rstrip("\0").split("\0")
    except OSError:
        return []
    return [Path(words[0]).name, *words[1:]]


def _leads_here(port: dict[str, object]) -> bool:
    return port.get("nodePort") == API_NODE_PORT
