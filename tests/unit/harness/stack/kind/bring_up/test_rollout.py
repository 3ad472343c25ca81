"""The order in which objects are applied to a new cluster, and the database of an existing one."""

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
from pytest_plexdev.stack.kind.state import database

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


class Cluster:
    """A cluster with Postgres, SpiceDB and a Job, each created at a second of one minute. Records what is restarted."""

    def __init__(self, *, postgres: int, spicedb: int, migrate: int) -> None:
        self.restarted: list[str] = []
        self._found = {"postgres-0": postgres, "spicedb": spicedb, "migrate": migrate}

    def get(self, _resource: object, name: str, _namespace: str) -> KubeObject:
        stamp = f"2026-11-29T21:00:{self._found[name]:02}Z"
        return {"metadata": {"name": name, "uid": "uid-now", "creationTimestamp": stamp}}

    def list(self, resource: Any, namespace: str, **_: object) -> dict[str, list[KubeObject]]:
        return {"items": [self.get(resource, "migrate" if resource.kind == "Job" else "spicedb", namespace)]}

    def apply(self, wanted: KubeObject, **_: object) -> None:
        self.restarted.append(wanted["metadata"]["name"])


SINCE_SEEDED = "database: replaced since it was seeded; it is migrated and seeded again"
SINCE_UNFINISHED = "database: replaced since a bring-up that was not completed; it is migrated and seeded again"


@pytest.mark.parametrize(
    ("seeded", "created", "lines"),
    [
        ("uid-now", {"postgres": 20, "spicedb": 10, "migrate": 10}, []),
        ("uid-before", {"postgres": 10, "spicedb": 20, "migrate": 20}, [SINCE_SEEDED]),
        (None, {"postgres": 10, "spicedb": 20, "migrate": 20}, []),
        (None, {"postgres": 20, "spicedb": 10, "migrate": 10}, [SINCE_UNFINISHED]),
        (None, {"postgres": 20, "spicedb": 30, "migrate": 10}, [SINCE_UNFINISHED]),
        (None, {"postgres": 20, "spicedb": 20, "migrate": 30}, [SINCE_UNFINISHED]),
    ],
    ids=["seeded", "replaced", "unknown", "unknown, replaced", "unknown, not migrated", "unknown, the same second"],
)
def test_only_another_database_is_filled_again(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    seeded: str | None,
    created: dict[str, int],
    lines: list[str],
) -> None:
    """After an interrupted bring-up, no mark says which database was seeded."""
    monkeypatch.setattr(BringUpContext, "wait_until_ready", lambda *_, **__: None)
    cluster: Any = Cluster(**created)
    previous = PreviousState(database={database.INPUT: seeded} if seeded is not None else {})
    work = _rollout(tmp_path)

    assert work._wait_for_database(cluster, [], previous, {"migrate"}) == bool(lines)
    assert work._context.did == lines
    assert cluster.restarted == ["spicedb"] * len(lines)


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
