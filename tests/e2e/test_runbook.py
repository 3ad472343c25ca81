"""The commands of the runbook, as printed, on a new stack."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.request
from collections.abc import Callable, Iterator

import pytest

from pytest_plexdev.core.model import Cluster, StackInfo
from pytest_plexdev.kube import KubeClient, read_access
from pytest_plexdev.kube.pods import NAME_LABEL
from pytest_plexdev.kube.resources import POD
from pytest_plexdev.stack.kind.constants import GATEWAY_NAMESPACE, NAMESPACE
from pytest_plexdev.stack.kind.provider import KindProvider
from tests.support.kind_stacks import ProgressRecorder, fresh_settings
from tests.support.manifests import DEPLOY, overlay_objects, variables, workloads

PSQL = "exec statefulset/postgres -- env PGPASSWORD=plexsphere psql -U plexsphere -d plexsphere"
SEED = (
    "SELECT d.slug,d.id,b.id FROM plexsphere.domains d"
    " JOIN plexsphere.idp_bindings b ON b.domain_id=d.id AND b.status='active' ORDER BY d.slug"
)
WARNING = 'level=WARN msg="insecure default active in dev mode" env=dev dependency='
Kubectl = Callable[..., str]


@pytest.fixture(scope="module")
def stack(cluster_tools: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackInfo]:
    directory = tmp_path_factory.mktemp("run")
    provider = KindProvider(fresh_settings(directory), directory / "stack")
    info = provider.up(ProgressRecorder()).info
    try:
        yield info
    finally:
        provider.close()
        provider.down(info)


@pytest.fixture(scope="module")
def cluster(stack: StackInfo) -> Cluster:
    assert stack.cluster is not None
    return stack.cluster


@pytest.fixture(scope="module")
def kubectl(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Kubectl:
    """Run a command of the runbook with ``KUBECONFIG`` set. *words* are not split."""
    home = tmp_path_factory.mktemp("home")

    def run(command: str, *words: str) -> str:
        argv = ["kubectl", *command.split(), *words]
        # kubectl caches discovery below HOME, or without HOME below its working directory.
        environment = {"PATH": os.environ["PATH"], "HOME": str(home), "KUBECONFIG": str(cluster.kubeconfig)}
        return subprocess.run(argv, env=environment, capture_output=True, text=True, check=True, timeout=60).stdout

    return run


@pytest.fixture(scope="module")
def warnings(cluster: Cluster) -> dict[str, list[str]]:
    """The warning lines in the logs of all containers, by Pod of the stack's namespace.

    Without the Job that creates the gateway's certificates: it ends, and production runs the same one.
    """
    access = read_access(cluster.kubeconfig, cluster.context)
    assert access is not None
    with KubeClient(access) as kube:
        return {
            pod["metadata"]["name"]: [
                line
                for container in [*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]]
                for line in kube.log(pod["metadata"]["name"], container["name"], namespace).splitlines()
                if "insecure default active" in line
            ]
            for namespace in (NAMESPACE, GATEWAY_NAMESPACE)
            for pod in kube.list(POD, namespace)["items"]
            if pod["metadata"].get("labels", {}).get(NAME_LABEL) != "envoy-gateway-certgen"
        }


def test_the_api_is_ready_through_the_gateway(stack: StackInfo) -> None:
    with urllib.request.urlopen(f"{stack.endpoints.api}/readyz") as answer:
        readiness = json.load(answer)

    assert readiness["status"] == "ready"
    assert {probe["name"] for probe in readiness["probes"]} == {"db-primary", "spicedb", "jetstream"}


def test_the_seed_is_read_by_the_runbook_s_sql(kubectl: Kubectl) -> None:
    rows = [line.split("|") for line in kubectl(f"{PSQL} -tAc", SEED).splitlines()]

    assert [row[0] for row in rows] == ["acme-corp", "beta-llc", "gamma-coop"]
    assert {len(identifier) for row in rows for identifier in row[1:]} == {36}


def test_both_programs_tables_lie_in_the_schema(kubectl: Kubectl) -> None:
    tables = {line.split("|")[1] for line in kubectl(f"{PSQL} -tAc", r"\dt plexsphere.*").splitlines()}
    databases = {line.split("|")[0] for line in kubectl(f"{PSQL} -tAc", r"\l").splitlines()}

    assert {"domains", "schema_migrations"} <= tables
    assert {"relation_tuple", "namespace_config"} <= tables
    assert {"plexsphere", "spicedb"} <= databases


def test_the_api_s_variables_are_those_of_the_manifests(kubectl: Kubectl) -> None:
    output = kubectl("exec deployment/plexsphere -c plexsphere -- env").splitlines()
    overlay = overlay_objects()
    (api,) = [each for each in workloads(overlay) if each.name == "plexsphere"]

    present = {line.partition("=")[0] for line in output if line.startswith("PLEXSPHERE_")}
    assert present == set(variables(api.main, overlay))


def test_every_pod_warns_once_of_what_it_relaxes(warnings: dict[str, list[str]]) -> None:
    controller, envoy = 1, 1
    assert len(warnings) >= len(workloads(overlay_objects(DEPLOY / "overlays" / "lean"))) + controller + envoy
    assert {pod: len(lines) for pod, lines in warnings.items()} == dict.fromkeys(warnings, 1)
    assert all(line.startswith(WARNING) and "prod_delta=" in line for lines in warnings.values() for line in lines)


@pytest.mark.parametrize(
    "service", ["statefulset/postgres", "statefulset/nats", "deployment/dex", "deployment/spicedb"]
)
def test_a_third_party_s_warning_is_in_its_own_container(kubectl: Kubectl, service: str) -> None:
    output = kubectl(f"logs {service} -c dev-warning")

    assert output.startswith(f"{WARNING}{service.partition('/')[2]} prod_delta=")
    assert output.count("\n") == 1


def test_a_wait_says_which_endpoints_it_polls(kubectl: Kubectl) -> None:
    deps = kubectl("logs deployment/plexsphere -c wait-for-deps").splitlines()
    migrations = kubectl("logs deployment/plexsphere -c wait-for-migrate").splitlines()

    assert [line for line in deps if line.startswith("waiting")] == [
        f"waiting for {endpoint}" for endpoint in ("nats:4222", "spicedb:50051", "dex:5556")
    ]
    assert all("endpoint=postgres:5432" in line for line in migrations)
    assert 'msg="migrations are applied"' in migrations[-1]


def test_what_was_seeded_is_in_the_job_s_log(kubectl: Kubectl) -> None:
    assert 'msg="bootstrap-complete" domains=3' in kubectl("logs job/plexsphere-bootstrap")
