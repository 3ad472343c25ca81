"""Rules for every Pod of the stack: the runbook's start-up order, one warning, and minimal permissions."""

from __future__ import annotations

import ast
from typing import Any

import pytest

from pytest_plexdev.kube.resources import KubeObject
from tests.support.checkout import ROOT
from tests.support.manifests import OURS, Workload, image_name, overlay_objects, warning_fields, workloads
from tests.support.pods import ORDER

WORKLOADS = {each.name: each for each in workloads(overlay_objects())}
CONTAINERS = [(each, container) for each in WORKLOADS.values() for container in each.containers]
every_workload = pytest.mark.parametrize("workload", WORKLOADS.values(), ids=WORKLOADS)
every_container = pytest.mark.parametrize(
    ("workload", "container"), CONTAINERS, ids=[f"{each.name}-{container['name']}" for each, container in CONTAINERS]
)
WAITS = {
    "spicedb": ["postgres:5432"],
    "migrate": ["postgres:5432"],
    "plexsphere": ["nats:4222", "spicedb:50051", "dex:5556"],
    "plexsphere-bootstrap": ["spicedb:50051"],
    "external-secrets": ["openbao:8200"],
}
API_CLIENTS = {"crossplane", "external-secrets"}
"""Workloads that call the API server, each with a ServiceAccount of its own."""
PROGRAM_OF = {
    "migrate": "migrate.py",
    "plexsphere": "http/server.py",
    "plexsphere-signer": "signer/server.py",
    "plexsphere-bootstrap": "bootstrap.py",
}


def test_init_containers_are_in_the_runbook_s_order(rendered: list[KubeObject]) -> None:
    order = {each.name: [container["name"] for container in each.init_containers] for each in workloads(rendered)}

    assert order == ORDER


def test_a_pod_waits_for_the_runbook_s_endpoints() -> None:
    waits = {each.name: container["args"][2:] for each, container in CONTAINERS if container["name"] == "wait-for-deps"}

    assert waits == WAITS


def test_every_wait_runs_the_same_script() -> None:
    scripts = {
        (*container["command"], *container["args"][:2])
        for _, container in CONTAINERS
        if container["name"] == "wait-for-deps"
    }

    assert len(scripts) == 1


@every_workload
def test_a_main_container_is_called_like_its_service(workload: Workload) -> None:
    assert workload.main["name"] == workload.name
    assert workload.owner["metadata"]["labels"]["app.kubernetes.io/name"] == workload.name
    assert workload.owner["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/name"] == workload.name


@every_workload
def test_a_pod_warns_once_of_what_it_relaxes(workload: Workload) -> None:
    printed = [each["args"][0] for each in workload.init_containers if each["name"] == "dev-warning"]
    if workload.is_ours:
        # The program itself prints it, once. Its init containers are not programs of the product.
        assert printed == []
        assert _warnings_of(PROGRAM_OF[workload.name]) == 1
        assert _warnings_of("wait_for_migrate.py") == 0
        return
    (line,) = printed
    fields = warning_fields(line)
    assert line.startswith('level=WARN msg="insecure default active in dev mode" env=dev dependency=')
    assert "\n" not in line
    assert fields["dependency"] == workload.name
    assert len(fields["prod_delta"]) > 40


@every_workload
def test_a_pod_has_no_token_and_no_links_and_ends_soon(workload: Workload) -> None:
    pod = workload.pod

    if workload.name in API_CLIENTS:
        assert pod["serviceAccountName"] == workload.name
    else:
        assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    assert pod["terminationGracePeriodSeconds"] <= 5
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}


@every_container
def test_a_container_has_no_rights_and_states_what_it_takes(workload: Workload, container: KubeObject) -> None:
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    for bound in ("requests", "limits"):
        assert set(container["resources"][bound]) == {"cpu", "memory"}


@every_workload
def test_what_serves_is_probed_each_second_and_what_ends_is_not(workload: Workload) -> None:
    if workload.owner["kind"] == "Job":
        assert "readinessProbe" not in workload.main
        assert workload.owner["spec"]["backoffLimit"] <= 3
        assert "ttlSecondsAfterFinished" not in workload.owner["spec"]
        return
    assert workload.main["readinessProbe"]["periodSeconds"] == 1
    assert "initialDelaySeconds" not in workload.main["readinessProbe"]
    assert "livenessProbe" in workload.main


def test_only_our_own_images_are_never_pulled(rendered: list[KubeObject]) -> None:
    policies = {
        (container["image"] if image_name(container) in OURS else "third-party", container["imagePullPolicy"])
        for each in workloads(rendered)
        for container in each.containers
    }

    assert policies == {
        ("plexsphere:dev", "Never"),
        ("plexsphere-migrate:dev", "Never"),
        ("third-party", "IfNotPresent"),
    }


def _warnings_of(module: str) -> int:
    tree = ast.parse((ROOT / "plexsphere_reference" / module).read_text(encoding="utf-8"))
    return sum(_is_warning(node) for node in ast.walk(tree))


def _is_warning(node: Any) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "dev_warning"
