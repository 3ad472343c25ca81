"""Waiting for readiness on a real cluster: its progress, and the failures that it survives."""

from __future__ import annotations

import shlex
import subprocess
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from pytest_plexdev.core.progress import ProgressEvent, VerdictChanged
from pytest_plexdev.core.subprocesses import run
from pytest_plexdev.kube import Access, KubeClient
from pytest_plexdev.kube.resources import CUSTOM_RESOURCE_DEFINITION, GATEWAY_CLASS
from pytest_plexdev.readiness import Graces, ObjectRef, refs_in, verdicts_now, wait_ready
from tests.support.readiness_waits import PLENTY_S, Apply, fails, kube_delete
from tests.support.workloads import container, deployment, job, service


def test_the_first_look_is_at_once(apply: Apply, kube: KubeClient) -> None:
    wanted = apply(deployment("good", container()), service("good"))
    wait_ready(kube, wanted, timeout=PLENTY_S)

    began = time.perf_counter()
    verdicts = wait_ready(kube, wanted, timeout=PLENTY_S)

    assert [(each.name, each.state) for each in verdicts] == [("deployment/good", "ready"), ("service/good", "ready")]
    assert time.perf_counter() - began < 1
    assert {each.state for each in verdicts_now(kube, wanted)} == {"ready"}


def test_progress_hears_of_every_change_on_the_way(apply: Apply, kube: KubeClient) -> None:
    events: list[ProgressEvent] = []
    probe = {"exec": {"command": ["test", "-e", "/tmp/ok"]}, "periodSeconds": 1}
    main = container("sleep 2; touch /tmp/ok; sleep 3600", readinessProbe=probe)
    polls = "for i in 1 2; do echo polling postgres:5432; sleep 1; done"
    wanted = apply(deployment("slow", main, init=[container(polls, "wait-for-deps")]))

    wait_ready(kube, wanted, timeout=PLENTY_S, progress=events.append)

    output = [each.verdict for each in events if isinstance(each, VerdictChanged)]
    reasons = [each.reason for each in output]
    assert any("init wait-for-deps: polling postgres:5432" in reason for reason in reasons)
    assert any("Readiness probe failed" in reason or "container main: not ready yet" in reason for reason in reasons)
    assert [each.state for each in output].index("ready") == len(output) - 1


def test_a_timeout_names_the_dependency_that_everybody_waits_for(apply: Apply, kube: KubeClient) -> None:
    never = {"exec": {"command": ["sh", "-c", "echo not yet; false"]}, "periodSeconds": 1}
    polls = container("while true; do echo polling spicedb:50051; sleep 1; done", "wait-for-deps")
    wanted = apply(
        deployment("spicedb", container("echo opening the datastore; sleep 3600", readinessProbe=never)),
        deployment("plexsphere", container(), init=[polls]),
    )

    error, _ = fails(kube, wanted, timeout=8)

    text = str(error)
    assert (error.tag, error.exit_code) == ("objects-not-ready", 124)
    assert "plexdev[objects-not-ready]: 0 of 2 objects were ready within 8 s" in text
    assert "init wait-for-deps: polling spicedb:50051: deployment/spicedb: pod/spicedb-" in text
    assert "why: pod/spicedb-" in text
    assert "opening the datastore" in text
    assert "Readiness probe failed: not yet" in text
    assert text.splitlines()[-1].startswith("  fix: kubectl --kubeconfig")


def test_a_completed_job_is_ready_even_after_its_ttl_deletes_it(apply: Apply, kube: KubeClient) -> None:
    wanted = apply(
        job("done", container("echo ok"), ttlSecondsAfterFinished=0),
        deployment("later", container(readinessProbe={"exec": {"command": ["true"]}, "initialDelaySeconds": 8})),
    )

    verdicts = wait_ready(kube, wanted, timeout=PLENTY_S)

    assert {each.name: each.state for each in verdicts} == {"job/done": "ready", "deployment/later": "ready"}


def test_what_is_created_later_is_waited_for(apply: Apply, kube: KubeClient, namespace: str) -> None:
    late = threading.Timer(2, apply, [deployment("late", container())])
    late.start()

    (verdict,) = wait_ready(kube, [ObjectRef("Deployment", "late", namespace)], timeout=PLENTY_S)

    late.join()
    assert verdict.state == "ready"
    assert refs_in(kube, namespace) == [ObjectRef("Deployment", "late", namespace)]


def test_deletion_ends_the_wait(apply: Apply, kube: KubeClient, namespace: str) -> None:
    wanted = apply(deployment("doubtful", container(readinessProbe={"exec": {"command": ["false"]}})))
    threading.Timer(1, kube_delete(kube, "doubtful", namespace)).start()

    error, _ = fails(kube, wanted, timeout=30)

    assert error.tag == "object-gone"
    assert "deployment/doubtful was deleted" in str(error)


def test_a_replacement_is_waited_for(apply: Apply, kube: KubeClient, namespace: str) -> None:
    item = deployment("again", container(readinessProbe={"exec": {"command": ["false"]}}))
    wanted = apply(item)

    def replace() -> None:
        kube_delete(kube, "again", namespace)()
        time.sleep(0.5)
        apply(deployment("again", container()))

    threading.Timer(1, replace).start()

    assert wait_ready(kube, wanted, timeout=PLENTY_S, graces=Graces(replacement=5))[0].state == "ready"


def test_a_restart_of_the_api_server_is_survived(apply: Apply, kube: KubeClient, cluster: Access) -> None:
    probe = {"exec": {"command": ["test", "-e", "/tmp/ok"]}, "periodSeconds": 1}
    wanted = apply(deployment("patient", container("sleep 6; touch /tmp/ok; sleep 3600", readinessProbe=probe)))
    node = f"{cluster.context.removeprefix('kind-')}-control-plane"
    first = api_server(node)
    killer = threading.Timer(2, kill_api_server, [node])
    killer.start()

    verdicts = wait_ready(kube, wanted, timeout=180)

    killer.join()
    assert api_server(node) != first
    assert [each.state for each in verdicts] == ["ready"]


def test_an_api_server_that_stays_away_is_what_the_timeout_says(cluster: Access) -> None:
    nowhere = Access(**{**vars(cluster), "server": "https://127.0.0.1:1"})
    with KubeClient(nowhere) as client:
        error, _ = fails(client, [ObjectRef("Deployment", "any", "default")], timeout=1)

    assert error.exit_code == 124
    assert f"the API server of {cluster.context} does not answer" in str(error)


def test_what_somebody_scaled_away_is_not_ready(apply: Apply, kube: KubeClient, namespace: str) -> None:
    (ref,) = wanted = apply(deployment("away", container()))
    wait_ready(kube, wanted, timeout=PLENTY_S)
    scale = [*kube.access.kubectl, "-n", namespace, "scale", f"deployment/{ref.name}"]
    run([*scale, "--replicas=0"], timeout=30, purpose="somebody scales it away")
    gone = ["wait", "--for=jsonpath={.status.observedGeneration}=2", "--timeout=30s", f"deployment/{ref.name}"]
    run([*kube.access.kubectl, "-n", namespace, *gone], timeout=40, purpose="its controller has seen that")

    (verdict,) = verdicts_now(kube, wanted)

    assert (verdict.state, verdict.reason) == ("waiting", "scaled to 0 replicas")
    run(shlex.split(verdict.hint), timeout=30, purpose="the hint is pasted")
    assert wait_ready(kube, wanted, timeout=PLENTY_S)[0].state == "ready"


@pytest.fixture
def no_gateway_classes(kube: KubeClient) -> Iterator[None]:
    """The cluster does not serve the kind; it is deleted before and after the test."""
    name = "gatewayclasses.gateway.networking.k8s.io"
    if kube.delete(CUSTOM_RESOURCE_DEFINITION, name):
        gone = [*kube.access.kubectl, "wait", "--for=delete", f"crd/{name}", "--timeout=60s"]
        run(gone, timeout=70, purpose="another test had taught it")
    yield
    kube.delete(CUSTOM_RESOURCE_DEFINITION, name)


def test_a_kind_that_the_cluster_learns_later(cluster: Access, kube: KubeClient, no_gateway_classes: None) -> None:
    events: list[ProgressEvent] = []

    def teach() -> None:
        kube.apply(gateway_class_definition())
        wait_ready(
            kube,
            [ObjectRef("CustomResourceDefinition", "gatewayclasses.gateway.networking.k8s.io")],
            timeout=PLENTY_S,
        )
        item = {
            "apiVersion": GATEWAY_CLASS.api_version,
            "kind": "GatewayClass",
            "metadata": {"name": "late"},
            "spec": {"controllerName": "example.com/nobody"},
            "status": {"conditions": [accepted()]},
        }
        kube.apply(item)

    teacher = threading.Timer(1, teach)
    teacher.start()
    (verdict,) = wait_ready(kube, [ObjectRef("GatewayClass", "late")], timeout=PLENTY_S, progress=events.append)
    teacher.join()

    assert verdict.state == "ready"
    first = events[0]
    assert isinstance(first, VerdictChanged)
    assert first.verdict.reason == "the cluster has no kind GatewayClass yet"


def test_a_wait_inside_an_event_loop(apply: Apply, kube: KubeClient) -> None:
    import asyncio

    wanted = apply(deployment("looped", container()))

    async def inside() -> list[Any]:
        return wait_ready(kube, wanted, timeout=PLENTY_S)

    assert [each.state for each in asyncio.run(inside())] == ["ready"]


def kill_api_server(node: str) -> None:
    run(["docker", "exec", node, "kill", "-9", api_server(node)], timeout=30, purpose="a test")


def api_server(node: str) -> str:
    """The process id of the API server on the node; empty while it does not run."""
    argv = ["docker", "exec", node, "pidof", "kube-apiserver"]
    return subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False).stdout.strip()


def accepted() -> dict[str, Any]:
    return {
        "type": "Accepted",
        "status": "True",
        "reason": "Accepted",
        "message": "",
        "observedGeneration": 1,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }


def gateway_class_definition() -> dict[str, Any]:
    """The definition of the kind, with the parts that readiness uses."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": "gatewayclasses.gateway.networking.k8s.io",
            "annotations": {"api-approved.kubernetes.io": "unapproved, for a test"},
        },
        "spec": {
            "group": "gateway.networking.k8s.io",
            "scope": "Cluster",
            "names": {"plural": "gatewayclasses", "kind": "GatewayClass"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
    }
