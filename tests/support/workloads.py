"""Small workloads with busybox, each of which reaches one state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pytest_plexdev.kube.resources import KubeObject

IMAGE = "busybox:1.35"


def container(command: str = "sleep 3600", name: str = "main", **more: Any) -> KubeObject:
    return {"name": name, "image": IMAGE, "command": ["sh", "-c", command], "imagePullPolicy": "IfNotPresent", **more}


def deployment(name: str, main: KubeObject, *, init: Sequence[KubeObject] = (), **spec: Any) -> KubeObject:
    labels = {"app": name}
    pod = {"terminationGracePeriodSeconds": 0, "containers": [main], "initContainers": list(init), **spec}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": labels},
        "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}},
    }


def job(name: str, main: KubeObject, *, restart: str = "Never", **spec: Any) -> KubeObject:
    pod = {"restartPolicy": restart, "terminationGracePeriodSeconds": 0, "containers": [main]}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {**spec, "template": {"spec": pod}},
    }


def service(name: str, port: int = 80) -> KubeObject:
    spec = {"selector": {"app": name}, "ports": [{"port": port}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


_PROBE_THAT_FAILS = {"exec": {"command": ["sh", "-c", "echo not yet; false"]}, "periodSeconds": 1}
_SLOW_PROBE = {"exec": {"command": ["test", "-e", "/tmp/ok"]}, "periodSeconds": 1}
_MISSING = [{"name": "v", "secret": {"secretName": "no-such"}}]
_POLL = container("while true; do echo polling spicedb:50051; sleep 1; done", "wait-for-deps")

DOOMED: dict[str, KubeObject] = {
    "image-never-pulled": deployment("never", container(image="nowhere:dev", imagePullPolicy="Never")),
    "image-name-invalid": deployment("invalid", container(image="NO/Such:Name:x")),
    "registry-refuses": deployment("pull", container(image="localhost:1/nothing:1")),
    "config-map-missing": deployment("config", container(envFrom=[{"configMapRef": {"name": "no-such"}}])),
    "secret-to-mount-missing": deployment(
        "mount", container(volumeMounts=[{"name": "v", "mountPath": "/v"}]), volumes=_MISSING
    ),
    "program-missing": deployment("start", {**container(), "command": ["/no-such-program"]}),
    "fails-twice": deployment("crash", container("echo the last word >&2; exit 3")),
    "init-fails-twice": deployment("init", container(), init=[container("echo no way; exit 4", "wait-for-it")]),
    "too-large": deployment("large", container(resources={"requests": {"cpu": "512"}})),
    "no-such-node": deployment("picky", container(), nodeSelector={"no": "such"}),
    "service-account-missing": deployment("nobody", container(), serviceAccountName="no-such"),
    "job-fails": job("once", container("echo gave up; exit 5"), backoffLimit=0),
}
"""Workloads that cannot become ready, each for another reason."""
OTHERS: dict[str, KubeObject] = {
    "becomes-ready": deployment("good", container("sleep 2; touch /tmp/ok; sleep 3600", readinessProbe=_SLOW_PROBE)),
    "waits-in-init": deployment("patient", container(), init=[_POLL]),
    "fails-its-probe": deployment("unwell", container(readinessProbe=_PROBE_THAT_FAILS)),
    "out-of-memory": deployment(
        "greedy", container("sleep 1; tail /dev/zero", resources={"limits": {"memory": "32Mi"}})
    ),
    "job-completes": job("done", container("echo ok")),
    "job-fails-twice": job("twice", container("exit 5"), backoffLimit=4),
}
"""Workloads that become ready, keep waiting, or take longer to be doomed."""
