"""Finalizers, webhooks and quotas that block objects of a real cluster: each is named with the command that helps."""

from __future__ import annotations

import shlex
import subprocess
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.kube import KubeClient
from pytest_plexdev.kube.resources import JOB
from pytest_plexdev.readiness.object_ref import ObjectRef
from pytest_plexdev.readiness.wait import wait_ready
from pytest_plexdev.stack.kind.images.pins import read_pins
from pytest_plexdev.stack.kind.manifests import apply as applying
from pytest_plexdev.stack.kind.manifests.apply import ApplyResult, apply

IMAGE = read_pins()["busybox"].reference
HOLD = "example.com/hold"


def job(namespace: str) -> dict[str, Any]:
    container = {"name": "j", "image": IMAGE, "command": ["true"]}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "j", "namespace": namespace},
        # Suspended, because neither a Pod nor its image is needed.
        "spec": {"suspend": True, "template": {"spec": {"restartPolicy": "Never", "containers": [container]}}},
    }


def deployment(namespace: str) -> dict[str, Any]:
    labels = {"app": "d"}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "d", "image": IMAGE}]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d", "namespace": namespace},
        "spec": {"selector": {"matchLabels": labels}, "template": pod},
    }


def apply_again(kube: KubeClient, namespace: str) -> ApplyResult:
    outcome = ApplyResult()
    apply(kube, [job(namespace)], outcome, established=lambda _: None, again={"j"})
    return outcome


def kubectl(kube: KubeClient, *words: str) -> None:
    subprocess.run([*kube.access.kubectl, *words], check=True, capture_output=True)


def doom(kube: KubeClient, ref: ObjectRef) -> PlexdevError:
    with pytest.raises(PlexdevError) as error:
        wait_ready(kube, [ref], timeout=60)
    assert error.value.tag == "doomed-object"
    return error.value


def test_a_job_held_by_a_finalizer_is_named_and_runs_once_freed(
    kube: KubeClient, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = kube.apply(job(namespace))
    kubectl(
        kube, "patch", "job", "j", "-n", namespace, "--type=merge", "-p", f'{{"metadata":{{"finalizers":["{HOLD}"]}}}}'
    )
    monkeypatch.setattr(applying, "_FINALIZERS_S", 1.0)
    with pytest.raises(PlexdevError) as held:
        apply_again(kube, namespace)
    monkeypatch.undo()
    patch, _, _ = held.value.fix.partition(" && ")
    letting_go = threading.Timer(1.0, subprocess.run, [shlex.split(patch)], {"capture_output": True})
    letting_go.start()
    outcome = apply_again(kube, namespace)
    letting_go.join()

    assert held.value.tag == "object-held"
    assert HOLD in held.value.why
    assert outcome.changes == {"job/j": "run again"}
    found = kube.get(JOB, "j", namespace)
    assert found is not None
    assert found["metadata"]["uid"] != first["metadata"]["uid"]


@pytest.fixture
def webhook(kube: KubeClient, namespace: str) -> Iterator[str]:
    """A webhook without a server, which therefore refuses every Job of the namespace."""
    rule = {"apiGroups": ["batch"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["jobs"]}
    hook = {
        "name": "guard.example.com",
        "clientConfig": {"url": "https://127.0.0.1:1/"},
        "rules": [rule],
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "timeoutSeconds": 2,
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
    }
    name = f"guard-{namespace}"
    kind = "ValidatingWebhookConfiguration"
    kube.apply(
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": kind,
            "metadata": {"name": name},
            "webhooks": [hook],
        }
    )
    yield name
    kubectl(kube, "delete", kind, name, "--ignore-not-found")


def test_a_webhook_that_refuses_is_named(kube: KubeClient, namespace: str, webhook: str) -> None:
    while True:
        # The API server uses it only after a moment.
        try:
            kube.apply(job(namespace), dry_run=True)
        except PlexdevError as error:
            refusal = error
            break

    assert refusal.tag == "webhook-refused"
    assert f"the webhook guard.example.com (validatingwebhookconfiguration/{webhook})" in refusal.what
    subprocess.run(shlex.split(refusal.fix.partition(": ")[2]), check=True, capture_output=True)
    assert (
        kube.list(kube.resource_of("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration"))["items"] == []
    )


def test_a_quota_that_leaves_no_room_is_named(kube: KubeClient, namespace: str) -> None:
    meta = {"name": "small", "namespace": namespace}
    kube.apply({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": meta, "spec": {"hard": {"pods": "0"}}})
    kubectl(kube, "wait", "-n", namespace, "--for=jsonpath={.status.hard.pods}=0", "resourcequota/small")
    kube.apply(deployment(namespace))

    error = doom(kube, ObjectRef("Deployment", "d", namespace))

    assert "exceeded quota: small" in error.why
    assert error.fix.endswith(f"edit resourcequota small -n {namespace}")


def test_a_cordoned_node_is_named_with_what_ends_that(kube: KubeClient, namespace: str) -> None:
    node = f"{kube.access.context.removeprefix('kind-')}-control-plane"
    kubectl(kube, "cordon", node)
    try:
        kube.apply(deployment(namespace))
        error = doom(kube, ObjectRef("Deployment", "d", namespace))
        subprocess.run(shlex.split(error.fix), check=True, capture_output=True)
    finally:
        kubectl(kube, "uncordon", node)

    assert error.fix.endswith(f"uncordon {node}")
