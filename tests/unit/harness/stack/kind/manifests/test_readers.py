"""Workloads are restarted if a ConfigMap or Secret that they read was edited or deleted by hand and restored."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from pytest_plexdev.kube.resources import KubeObject
from pytest_plexdev.stack.kind.manifests.apply import ApplyResult
from pytest_plexdev.stack.kind.manifests.readers import Restored, key_of, read_by, restart, restored

SECRET: KubeObject = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "s", "namespace": "default", "resourceVersion": "7", "managedFields": []},
    "data": {"key": "b2xk"},
}
EDITED = Restored("secret/s", "7", 1_763_900_000.0)
"""Edited at 2025-11-23T12:13:20Z."""
RECREATED = Restored("secret/s", "7", None)
MOUNT = {"volumes": [{"name": "v", "secret": {"secretName": "s"}}]}


def deployment(*, by: Any) -> KubeObject:
    pod = {"containers": [{"name": "main", **by.get("container", {})}], "volumes": by.get("volumes", [])}
    meta = {"name": "d", "namespace": "default"}
    spec = {"selector": {"matchLabels": {"app": "d"}}, "template": {"spec": pod}}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec}


class Cluster:
    """A cluster with one Pod, whose container started at *started*, if it did. Records what is requested."""

    def __init__(self, started: str) -> None:
        self.applied: list[tuple[KubeObject, str]] = []
        self.deleted: list[str] = []
        self.requests: list[str] = []
        state = {"running": {"startedAt": started}} if started else {"waiting": {"reason": "ContainerCreating"}}
        meta = {"name": "d-1", "namespace": "default"}
        self._pod = {"metadata": meta, "status": {"containerStatuses": [{"state": state}]}}

    def list(self, _kind: object, _namespace: str, *, labels: str) -> KubeObject:
        self.requests.append(labels)
        return {"items": [self._pod]}

    def apply(self, wanted: KubeObject, *, manager: str) -> None:
        self.applied.append((wanted, manager))

    def delete(self, _kind: object, name: str, _namespace: str) -> None:
        self.deleted.append(name)


@pytest.mark.parametrize(
    "by",
    [
        {"container": {"env": [{"name": "K", "valueFrom": {"secretKeyRef": {"name": "s", "key": "key"}}}]}},
        {"container": {"envFrom": [{"secretRef": {"name": "s"}}]}},
        {"volumes": [{"name": "v", "secret": {"secretName": "s"}}]},
        {"volumes": [{"name": "v", "projected": {"sources": [{"secret": {"name": "s"}}]}}]},
    ],
)
@pytest.mark.parametrize(("started", "reads"), [("2025-11-23T12:13:30Z", True), ("2025-11-23T11:00:00Z", False)])
def test_who_started_after_the_change_has_read_it(by: Any, started: str, *, reads: bool) -> None:
    cluster: Any = Cluster(started)

    assert list(read_by(cluster, deployment(by=by), {key_of(SECRET): EDITED})) == ([EDITED] if reads else [])
    assert cluster.requests == ["app=d"]


@pytest.mark.parametrize(("started", "waits"), [("", True), ("2025-11-23T12:13:30Z", False)])
def test_who_waits_for_a_deleted_secret_is_restarted(started: str, *, waits: bool) -> None:
    cluster: Any = Cluster(started)

    assert bool(read_by(cluster, deployment(by=MOUNT), {key_of(SECRET): RECREATED})) == waits


def test_a_controller_of_stores_is_restarted_for_their_token() -> None:
    """External Secrets would look at a recreated Secret again only after minutes."""
    cluster: Any = Cluster("2025-11-23T11:00:00Z")
    controller = deployment(by={})
    controller["metadata"]["annotations"] = {"plexdev.plexsphere.com/reads-secrets": "s, another"}

    assert read_by(cluster, controller, {key_of(SECRET): RECREATED}) == [RECREATED]
    assert read_by(cluster, controller, {key_of(SECRET): EDITED}) == [EDITED]


def test_a_waiting_pod_of_a_stateful_set_is_replaced() -> None:
    """Its controller would wait until it is ready before it replaces it."""
    before = deployment(by=MOUNT) | {"kind": "StatefulSet"}
    waiting, running = Cluster(""), Cluster("2025-11-23T12:13:30Z")

    for cluster in (waiting, running):
        assert restart(cluster, before, before, [RECREATED])  # type: ignore[arg-type]

    assert waiting.deleted == ["d-1"]
    assert running.deleted == []


def test_who_refers_to_something_else_is_not_asked_for() -> None:
    cluster: Any = Cluster("2025-11-23T12:13:30Z")

    assert not read_by(
        cluster, deployment(by={"volumes": [{"name": "v", "secret": {"secretName": "t"}}]}), {key_of(SECRET): EDITED}
    )
    assert cluster.requests == []


def test_only_data_that_was_another_before_is_put_back() -> None:
    by_hand = deepcopy(SECRET) | {"data": {"key": "bmV3"}}
    by_hand["metadata"]["managedFields"] = [
        {"manager": "plexdev", "operation": "Apply", "time": "2025-11-23T13:00:00Z"},
        {"manager": "kubectl-edit", "operation": "Update", "time": "2025-11-23T12:13:20Z"},
    ]

    assert restored(by_hand, SECRET) == EDITED
    assert restored(SECRET, SECRET) is None
    assert restored(None, SECRET) == RECREATED
    assert restored(None, {**SECRET, "kind": "Service"}) is None
    assert restored({**by_hand, "kind": "Service"}, {**SECRET, "kind": "Service"}) is None


def test_a_workload_is_rolled_once_and_not_where_its_apply_does() -> None:
    cluster: Any = Cluster("")
    before, rolled = deployment(by={}), deployment(by={"container": {"image": "another"}})

    assert restart(cluster, before, before, [EDITED])
    assert not restart(cluster, before, rolled, [EDITED])
    assert not restart(cluster, before | {"kind": "Job"}, before | {"kind": "Job"}, [EDITED])
    ((wanted, manager),) = cluster.applied
    annotations = {"plexdev.plexsphere.com/restarted-for": "secret/s@7"}
    assert wanted["spec"] == {"template": {"metadata": {"annotations": annotations}}}
    assert manager == "plexdev-readers"


def test_what_was_restarted_is_said_with_the_reason() -> None:
    outcome = ApplyResult({"deployment/d": "restarted"}, readers={"deployment/d": ["secret/s", "configmap/c"]})

    assert outcome.summary() == ["1 restarted"]
    assert outcome.reader_summary() == "deployment/d (secret/s, configmap/c)"
