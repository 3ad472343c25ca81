"""The order in which objects are applied to a new cluster."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from threading import Timer
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_plexdev.kube.resources import KubeObject
from pytest_plexdev.stack.kind.bring_up import rollout
from pytest_plexdev.stack.kind.bring_up.context import BringUpContext
from pytest_plexdev.stack.kind.bring_up.rollout import PreviousState, Rollout
from pytest_plexdev.stack.kind.cluster.cluster_files import ClusterFiles
from pytest_plexdev.stack.kind.settings import KindSettings

DATA = ["ConfigMap/postgres-init", "Service/dex", "StatefulSet/postgres"]


def test_objects_are_applied_in_the_order_of_their_dependencies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    loaded: Future[bool] = Future()

    def apply(_: object, objects: Sequence[KubeObject], **__: object) -> None:
        told.extend(f"{each['kind']}/{each['metadata']['name']}" for each in objects)

    def load() -> None:
        told.append("loaded")
        loaded.set_result(True)

    monkeypatch.setattr(rollout, "apply", apply)
    monkeypatch.setattr(rollout, "wait_for_services", lambda *_, **__: told.append("network"))
    monkeypatch.setattr(rollout, "restart_coredns", lambda _: None)
    Timer(0.3, load).start()

    _rollout(tmp_path)._apply(SimpleNamespace(), _objects(), loaded, PreviousState(is_new=True))  # type: ignore[arg-type]

    assert sorted(told[: len(DATA)]) == DATA
    assert told[len(DATA) :] == ["network", "Deployment/dex", "loaded", "Deployment/plexsphere"]


def _rollout(directory: Path) -> Rollout:
    done: Future[Any] = Future()
    done.set_result([])
    inputs: Any = SimpleNamespace(definitions=done, built=done)
    loading: Any = SimpleNamespace(loads_any_of=lambda names: "plexsphere:dev" in names)
    return Rollout(BringUpContext(KindSettings(), ClusterFiles("c", directory), lambda _: None), inputs, loading)


def _objects() -> list[KubeObject]:
    return [
        _workload("Deployment", "plexsphere", "plexsphere:dev"),
        _workload("Deployment", "dex", "dex:1"),
        _workload("StatefulSet", "postgres", "postgres:16"),
        {"kind": "Service", "metadata": {"name": "dex", "namespace": "default"}},
        {"kind": "ConfigMap", "metadata": {"name": "postgres-init", "namespace": "default"}},
    ]


def _workload(kind: str, name: str, image: str) -> KubeObject:
    pod = {"containers": [{"name": name, "image": image}], "initContainers": []}
    return {"kind": kind, "metadata": {"name": name, "namespace": "default"}, "spec": {"template": {"spec": pod}}}
