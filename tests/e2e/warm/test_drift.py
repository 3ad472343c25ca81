"""Drift, and objects of others in the cluster."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_plexdev.core.deployment import deploy_directory
from pytest_plexdev.core.model import StackInfo
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.kube import KubeClient
from pytest_plexdev.kube.resources import CONFIG_MAP, DEPLOYMENT, JOB, SECRET, KubeObject
from pytest_plexdev.stack.kind.constants import NAMESPACE, OWNER, OWNER_LABEL
from pytest_plexdev.stack.kind.provider import KindProvider
from pytest_plexdev.stack.kind.settings import KindSettings
from pytest_plexdev.stack.kind.state import ownership
from pytest_plexdev.stack.kind.warm import attach, up
from tests.support.kind_stacks import ProgressRecorder
from tests.support.warm_cluster import IMAGE, access_of, versions


def test_the_users_own_objects_do_not_fail_the_stack(
    settings: KindSettings, info: StackInfo, client: KubeClient
) -> None:
    container = {"name": "theirs", "image": IMAGE, "command": ["false"]}
    template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    meta = {"name": "theirs", "namespace": NAMESPACE}
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": meta, "spec": {"backoffLimit": 0, "template": template}}
    client.apply(job, manager="somebody")
    failed = [*access_of(info).kubectl, "-n", NAMESPACE, "wait", "--for=condition=failed", "job/theirs"]
    subprocess.run(failed, check=True, capture_output=True)
    try:
        _, did = up.bring_up(settings, ProgressRecorder())
        verdicts = KindProvider(settings, info.directory).verdicts(info)
    finally:
        client.delete(JOB, "theirs", NAMESPACE)

    assert did[1].startswith("verified: ")
    assert {verdict.state for verdict in verdicts} == {"ready"}
    assert "statefulset/postgres" in {verdict.name for verdict in verdicts}


def test_what_nothing_has_any_more_is_removed_and_nobody_elses(settings: KindSettings, client: KubeClient) -> None:
    labels = {OWNER_LABEL: OWNER}
    client.apply(config_map("old", labels))
    client.apply(config_map("unlabelled", {}))
    client.apply(config_map("theirs", labels), manager="somebody")

    _, did = up.bring_up(replace(settings, reapply=True), ProgressRecorder())

    assert "pruned, because they are no longer rendered: configmap/old" in did
    assert client.get(CONFIG_MAP, "old", NAMESPACE) is None
    for name in ("unlabelled", "theirs"):
        assert client.delete(CONFIG_MAP, name, NAMESPACE)


def test_deleted_objects_of_the_stack_come_back(settings: KindSettings, client: KubeClient) -> None:
    client.delete(DEPLOYMENT, "dex", NAMESPACE)
    client.delete(SECRET, "postgres-credentials", NAMESPACE)

    _, did = up.bring_up(settings, ProgressRecorder())
    _, idle = up.bring_up(settings, ProgressRecorder())

    reason = "it was deleted since the stack was ready"
    assert did[:2] == [f"deployment/dex: {reason}", f"secret/postgres-credentials: {reason}"]
    assert any(line.startswith("objects: 2 created, ") for line in did)
    assert idle[0].startswith("images, objects, bootstrap: skipped")


def test_what_a_cluster_was_made_with_outlives_a_failed_bring_up(settings: KindSettings, client: KubeClient) -> None:
    creation_inputs = ownership.read_creation_inputs(client)
    ownership.write_creation_inputs(client, {**creation_inputs, "kind.yaml": "another"})
    ownership.withdraw_ready(client)

    up.bring_up(settings, ProgressRecorder())
    _, did = up.bring_up(settings, ProgressRecorder())
    ownership.write_creation_inputs(client, creation_inputs)
    up.bring_up(replace(settings, reapply=True), ProgressRecorder())

    assert creation_inputs.keys() <= {"kind.yaml", "--plexdev-kind-image"}
    assert did[0] == "differs from what was applied: kind.yaml"
    assert "plexdev down --stack kind && plexdev up --stack kind" in did[1]
    assert did[2].startswith("images, objects, bootstrap: skipped")


def test_drift_is_named_and_obeyed_as_asked(settings: KindSettings, info: StackInfo, tmp_path: Path) -> None:
    seed = tmp_path / "seed.yaml"
    seed.write_text((deploy_directory() / "seed" / "tenants.yaml").read_text() + "# another\n")
    drifted = replace(settings, seed=seed)

    with pytest.raises(PlexdevError) as refusal:
        attach.attach(replace(drifted, on_drift="fail"), ProgressRecorder())
    assert attach.attach(replace(drifted, on_drift="ignore"), ProgressRecorder()) == info
    assert attach.attach(replace(settings, on_drift="fail"), ProgressRecorder()) == info

    assert refusal.value.tag == "drifted"
    assert f"seed {seed}" in str(refusal.value)


def test_drift_is_applied_and_only_what_reads_it_rolls(
    settings: KindSettings, client: KubeClient, tmp_path: Path
) -> None:
    before = versions(client)
    seed = tmp_path / "seed.yaml"
    seed.write_text((deploy_directory() / "seed" / "tenants.yaml").read_text() + "# another\n")

    _, did = up.bring_up(replace(settings, seed=seed), ProgressRecorder())
    after = versions(client)
    _, back = up.bring_up(settings, ProgressRecorder())

    assert did[0] == f"differs from what was applied: seed {seed}"
    assert [name for name in after if after[name] != before[name]] == ["plexsphere-bootstrap"]
    assert "bootstrap: ran again" in back


def test_a_bring_up_that_was_never_completed_is_resumed(settings: KindSettings, client: KubeClient) -> None:
    client.delete(client.resource_of("v1", "ConfigMap"), "plexdev-ready", NAMESPACE)
    client.delete(client.resource_of("v1", "ConfigMap"), "plexdev-sentinel", NAMESPACE)

    _, did = up.bring_up(settings, ProgressRecorder())

    assert f"cluster {settings.name}: exists already" in did
    assert any(line.startswith("objects: 1 created") for line in did)
    assert attach.find(settings.state, name=settings.name) is not None


def config_map(name: str, labels: dict[str, str]) -> KubeObject:
    meta = {"name": name, "namespace": NAMESPACE, "labels": labels}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta}
