"""Measure the delay from a condition to the waiter's return on a real cluster.

Ours, `kubectl wait` and a 1 s poller are compared. The benchmark sets the condition itself (a GatewayClass becomes
Accepted), so it knows the time.
"""

from __future__ import annotations

import os
import random
import secrets
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from benchmarks.figure import ROOT, Figure, seconds_of
from benchmarks.kind_stack import require_kind
from pytest_plexdev.kube import KubeClient, read_access
from pytest_plexdev.kube.resources import CUSTOM_RESOURCE_DEFINITION, GATEWAY_CLASS
from pytest_plexdev.readiness import ObjectRef, verdicts_now, wait_ready

_RUNS: Final = 21
_POLLS: Final = 9
_NAME: Final = "gatewayclasses.gateway.networking.k8s.io"
_CLUSTER: Final = "PLEXDEV_TEST_KEEP"
"""Name of a kind cluster to use and keep, as in the tests; by default one is created."""


def run() -> Sequence[Figure]:
    """Time all three on the same cluster.

    Raises:
        LeftOut: Docker or kind is missing.
    """
    require_kind()
    with _cluster() as client:
        client.apply(_definition())
        wait_ready(client, [ObjectRef("CustomResourceDefinition", _NAME)], timeout=30)
        try:
            ours = [_delay(client, _wait_ready) for _ in range(_RUNS)]
            kubectl = [_delay(client, _kubectl_wait) for _ in range(_POLLS)]
            polled = [_delay(client, _poll) for _ in range(_POLLS)]
        finally:
            client.delete(CUSTOM_RESOURCE_DEFINITION, _NAME)
    reference = f"kubectl wait {_median(kubectl):.0f} ms, a poller of 1 s {_median(polled):.0f} ms"
    return [Figure(what="readiness detected after the fact", samples=ours, unit="ms", promise=10, reference=reference)]


def _delay(client: KubeClient, wait: Callable[[KubeClient, str], None]) -> float:
    """Return the milliseconds from the API server's acceptance of a class to the waiter's return."""
    name = f"bench-{secrets.token_hex(3)}"
    client.apply(_gateway_class(name))
    known: list[float] = []
    fact = threading.Timer(1.5 + random.random(), lambda: known.append(_accept(client, name)))
    fact.start()
    wait(client, name)
    returned = time.perf_counter()
    fact.join()
    client.delete(GATEWAY_CLASS, name)
    return max(0.0, 1000 * (returned - known[0]))


def _accept(client: KubeClient, name: str) -> float:
    with KubeClient(client.access) as other:
        # Connect before the measurement.
        other.get(GATEWAY_CLASS, name)
        other.apply(_gateway_class(name, accepted=True))
    return time.perf_counter()


def _wait_ready(client: KubeClient, name: str) -> None:
    wait_ready(client, [ObjectRef("GatewayClass", name)], timeout=30)


def _kubectl_wait(client: KubeClient, name: str) -> None:
    what = ("wait", "--for=condition=Accepted", f"gatewayclass/{name}", "--timeout=30s")
    subprocess.run([*client.access.kubectl, *what], check=True, capture_output=True)


def _poll(client: KubeClient, name: str) -> None:
    while verdicts_now(client, [ObjectRef("GatewayClass", name)])[0].state != "ready":
        time.sleep(1)


@contextmanager
def _cluster() -> Iterator[KubeClient]:
    kept = os.environ.get(_CLUSTER)
    name = kept or f"plexdev-bench-{secrets.token_hex(3)}"
    image = [f"--image={os.environ['PLEXDEV_KIND_IMAGE']}"] if "PLEXDEV_KIND_IMAGE" in os.environ else []
    with tempfile.TemporaryDirectory() as directory:
        kubeconfig = Path(directory) / "kubeconfig"
        where = ["--name", name, "--kubeconfig", str(kubeconfig)]
        seconds_of(["kind", *(["export", "kubeconfig"] if kept else ["create", "cluster", *image]), *where], cwd=ROOT)
        try:
            access = read_access(kubeconfig, f"kind-{name}")
            assert access is not None
            with KubeClient(access) as client:
                yield client
        finally:
            if not kept:
                seconds_of(["kind", "delete", "cluster", *where], cwd=ROOT)


def _gateway_class(name: str, *, accepted: bool = False) -> dict[str, Any]:
    condition = {"type": "Accepted", "status": "True" if accepted else "Unknown"}
    return {
        "apiVersion": GATEWAY_CLASS.api_version,
        "kind": GATEWAY_CLASS.kind,
        "metadata": {"name": name},
        "spec": {"controllerName": "example.com/nobody"},
        "status": {"conditions": [condition]},
    }


def _definition() -> dict[str, Any]:
    """The part of the kind that this benchmark needs, in place of the Gateway API's definition."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    approved = {"api-approved.kubernetes.io": "unapproved, for a benchmark"}
    spec = {
        "group": "gateway.networking.k8s.io",
        "scope": "Cluster",
        "names": {"plural": "gatewayclasses", "kind": "GatewayClass"},
        "versions": [version],
    }
    kind = CUSTOM_RESOURCE_DEFINITION
    meta = {"name": _NAME, "annotations": approved}
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": meta, "spec": spec}


def _median(samples: Sequence[float]) -> float:
    return sorted(samples)[len(samples) // 2]
