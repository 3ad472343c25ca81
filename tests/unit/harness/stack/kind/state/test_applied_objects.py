"""The objects that a bring-up applied are recorded by kind and namespace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_plexdev.kube.resources import CONFIG_MAP, JOB, NAMESPACE
from pytest_plexdev.stack.kind.state.applied_objects import AppliedObjects, applied_objects, deleted_objects

if TYPE_CHECKING:
    from pytest_plexdev.kube import KubeClient
    from tests.support.api_server import Answers


def manifest(api_version: str, kind: str, name: str, **spec: Any) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, "spec": spec}


def test_objects_are_recorded_where_they_were_applied(client: KubeClient, answers: Answers) -> None:
    kinds = [
        {"name": each.plural, "kind": each.kind, "namespaced": each.namespaced} for each in (CONFIG_MAP, NAMESPACE)
    ]
    answers.say("GET", "/api/v1", {"resources": kinds})
    objects = [manifest("v1", "ConfigMap", "b"), manifest("v1", "ConfigMap", "a"), manifest("v1", "Namespace", "n")]

    recorded = applied_objects(client, objects)

    namespace = client.access.namespace
    assert recorded == (AppliedObjects(CONFIG_MAP, namespace, ("a", "b")), AppliedObjects(NAMESPACE, None, ("n",)))


def test_a_job_that_removes_itself_is_not_missed(client: KubeClient, answers: Answers) -> None:
    answers.say("GET", "/apis/batch/v1", {"resources": [{"name": "jobs", "kind": "Job", "namespaced": True}]})
    jobs = [manifest("batch/v1", "Job", "gone", ttlSecondsAfterFinished=0), manifest("batch/v1", "Job", "migrate")]

    (recorded,) = applied_objects(client, jobs)

    assert recorded == AppliedObjects(JOB, client.access.namespace, ("migrate",))


def test_objects_of_a_kind_without_definition_are_missing(client: KubeClient, answers: Answers) -> None:
    answers.say("GET", "/api/v1/namespaces/ns/configmaps", {"items": [{"metadata": {"name": "a"}}]})
    applied = [AppliedObjects(JOB, "ns", ("migrate",)), AppliedObjects(CONFIG_MAP, "ns", ("a", "b"))]

    assert deleted_objects(client, applied) == ["configmap/b", "job/migrate"]
