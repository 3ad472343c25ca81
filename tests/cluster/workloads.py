"""Small workloads of busybox, each of which comes to one state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

Object: TypeAlias = dict[str, Any]

IMAGE = "busybox:1.35"


def container(command: str = "sleep 3600", name: str = "main", **more: Any) -> Object:
    return {"name": name, "image": IMAGE, "command": ["sh", "-c", command], "imagePullPolicy": "IfNotPresent", **more}


def deployment(name: str, main: Object, *, init: Sequence[Object] = (), **spec: Any) -> Object:
    labels = {"app": name}
    pod = {"terminationGracePeriodSeconds": 0, "containers": [main], "initContainers": list(init), **spec}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": labels},
        "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}},
    }


def job(name: str, main: Object, *, restart: str = "Never", **spec: Any) -> Object:
    pod = {"restartPolicy": restart, "terminationGracePeriodSeconds": 0, "containers": [main]}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {**spec, "template": {"spec": pod}},
    }


def service(name: str, port: int = 80) -> Object:
    spec = {"selector": {"app": name}, "ports": [{"port": port}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}
