"""The warm cluster's whole life, on one of another name and other ports, in the order of the file.

It begins with a bring-up that was killed while its cluster was being made, and ends with nothing.
"""

from __future__ import annotations

import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_plexdev.core.deployment import deploy_directory
from pytest_plexdev.core.model import StackInfo
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.kube import Access, KubeClient, read_access
from pytest_plexdev.kube.resources import CONFIG_MAP, DEPLOYMENT, JOB, POD, STATEFUL_SET, KubeObject
from pytest_plexdev.stack.kind.cluster.files import ClusterFiles
from pytest_plexdev.stack.kind.constants import GATEWAY_NAMESPACE, NAMESPACE, OWNER, OWNER_LABEL, node_of
from pytest_plexdev.stack.kind.images.pins import read_pins
from pytest_plexdev.stack.kind.provider import KindProvider
from pytest_plexdev.stack.kind.settings import KindSettings, warm_directory
from pytest_plexdev.stack.kind.state import endpoints, ownership
from pytest_plexdev.stack.kind.warm import attach, node_restart
from tests.e2e.stacks import NODE_IMAGE, Heard, clusters

pytestmark = pytest.mark.usefixtures("cluster_tools")

THIEF = ["docker", "run", "-d", "--network", "kind"]
IMAGE = read_pins()["busybox"].reference
UP = """
import sys
from pathlib import Path
from pytest_plexdev.stack.kind.warm import attach as warm
from pytest_plexdev.stack.kind.settings import KindSettings
from pytest_plexdev.core.signals import raising_terminated
name, state, image, port = sys.argv[1:]
settings = KindSettings(name=name, state=Path(state), kind_image=image or None, api_port=int(port), idp_port=int(port),
                        on_drift="apply", timeout=400)
def progress(event):
    print(event, flush=True)
with raising_terminated():
    print("did", warm.bring_up(settings, progress)[1], flush=True)
"""


@pytest.fixture(scope="module")
def settings(cluster_tools: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KindSettings]:
    name = f"plexdev-warm-{secrets.token_hex(2)}"
    wanted = KindSettings(
        name=name,
        state=tmp_path_factory.mktemp("state"),
        kind_image=NODE_IMAGE,
        api_port=0,
        idp_port=0,
        on_drift="apply",
        timeout=400.0,
    )
    yield wanted
    attach.take_down(wanted, force=True, progress=lambda _: None)


@pytest.fixture(scope="module")
def made(settings: KindSettings) -> list[str]:
    """What the bring-up did that came after one that was killed."""
    process = another_up(settings)
    deadline = time.monotonic() + 120
    while settings.name not in clusters():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.kill()
    process.communicate()
    return attach.bring_up(settings, Heard())[1]


@pytest.fixture
def info(settings: KindSettings, made: list[str]) -> StackInfo:
    found = attach.find(settings.state, name=settings.name)
    assert found is not None
    return found


@pytest.fixture
def client(info: StackInfo) -> Iterator[KubeClient]:
    with KubeClient(access_of(info)) as connected:
        yield connected


def another_up(settings: KindSettings) -> subprocess.Popen[str]:
    words = [settings.name, str(settings.state), settings.kind_image or "", str(settings.api_port)]
    return subprocess.Popen(
        [sys.executable, "-c", UP, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def access_of(info: StackInfo) -> Access:
    assert info.cluster is not None
    access = read_access(info.cluster.kubeconfig, info.cluster.context)
    assert access is not None
    return access


def versions(client: KubeClient) -> dict[str, str]:
    return {
        item["metadata"]["name"]: str(item["metadata"]["generation"]) + item["metadata"]["uid"]
        for resource in (DEPLOYMENT, STATEFUL_SET, JOB)
        for item in client.list(resource, NAMESPACE)["items"]
    }


def pods(client: KubeClient) -> set[str]:
    return {item["metadata"]["uid"] for item in client.list(POD, NAMESPACE)["items"]}


def test_what_a_killed_process_left_is_removed_and_made_anew(made: list[str], settings: KindSettings) -> None:
    assert "an incomplete one that a killed process left was removed" in made[0]
    assert f"cluster {settings.name}: created" in made
    assert "bootstrap: ran" in made


def test_it_is_found_by_files_and_sockets(info: StackInfo, settings: KindSettings) -> None:
    assert info.cluster is not None
    assert info.cluster.owned
    assert [tenant.slug for tenant in info.tenants] == ["acme-corp", "beta-llc", "gamma-coop"]
    assert info.capabilities == {"age-heartbeat"}
    assert endpoints.version(info.endpoints.api, patience=5)["commit"] == "reference"


def test_the_second_time_nothing_is_done_and_that_is_said(settings: KindSettings, client: KubeClient) -> None:
    before = versions(client)
    heard = Heard()

    info, did = attach.bring_up(settings, heard)

    assert did[0] == "images, objects, bootstrap: skipped, the cluster has this fingerprint"
    assert did[1].startswith("verified: ")
    assert heard.phases == ["verify"]
    assert versions(client) == before
    assert info.tenants


def test_reapply_migrates_and_seeds_again_to_no_effect(settings: KindSettings, client: KubeClient) -> None:
    before, pods_before = versions(client), pods(client)

    info, did = attach.bring_up(replace(settings, reapply=True), Heard())

    after = versions(client)
    assert "bootstrap: ran again" in did
    assert [name for name in after if after[name] != before[name]] == ["migrate", "plexsphere-bootstrap"]
    assert len(pods_before - pods(client)) == 2
    assert [tenant.slug for tenant in info.tenants] == ["acme-corp", "beta-llc", "gamma-coop"]


def test_a_database_that_is_made_anew_is_migrated_and_seeded_anew(settings: KindSettings, client: KubeClient) -> None:
    """Its volume ends with its Pod; the Jobs that filled it are complete and unchanged."""
    client.delete(POD, "postgres-0", NAMESPACE)

    info, did = attach.bring_up(settings, Heard())
    _, idle = attach.bring_up(settings, Heard())

    assert did[0] == "differs from what was applied: the database (pod/postgres-0)"
    assert "bootstrap: ran again" in did
    assert [tenant.slug for tenant in info.tenants] == ["acme-corp", "beta-llc", "gamma-coop"]
    assert idle[0] == "images, objects, bootstrap: skipped, the cluster has this fingerprint"


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
        _, did = attach.bring_up(settings, Heard())
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

    _, did = attach.bring_up(replace(settings, reapply=True), Heard())

    assert "pruned, because they are no longer rendered: configmap/old" in did
    assert client.get(CONFIG_MAP, "old", NAMESPACE) is None
    for name in ("unlabelled", "theirs"):
        assert client.delete(CONFIG_MAP, name, NAMESPACE)


def test_what_a_cluster_was_made_with_outlives_a_failed_bring_up(settings: KindSettings, client: KubeClient) -> None:
    creation_inputs = ownership.read_creation_inputs(client)
    ownership.write_creation_inputs(client, {**creation_inputs, "kind.yaml": "another"})
    ownership.withdraw_ready(client)

    attach.bring_up(settings, Heard())
    _, did = attach.bring_up(settings, Heard())
    ownership.write_creation_inputs(client, creation_inputs)
    attach.bring_up(replace(settings, reapply=True), Heard())

    assert creation_inputs.keys() <= {"kind.yaml", "--plexdev-kind-image"}
    assert did[0] == "differs from what was applied: kind.yaml"
    assert "plexdev down --stack kind && plexdev up --stack kind" in did[1]
    assert did[2].startswith("images, objects, bootstrap: skipped")


def test_a_failed_bring_up_is_explained_by_whoever_asked_for_it(settings: KindSettings, tmp_path: Path) -> None:
    def explain(error: PlexdevError, access: Access | None) -> PlexdevError:
        assert access is None
        return PlexdevError(error.failure, detail="the doctor was here", **error.facts)

    lacking = replace(settings, name=f"{settings.name}-x", state=tmp_path, kind_image="localhost:1/none:1")
    with pytest.raises(PlexdevError, match="the doctor was here") as failed:
        attach.bring_up(replace(lacking, explain=explain), Heard())

    assert failed.value.tag == "image-missing"


def test_drift_is_named_and_obeyed_as_asked(settings: KindSettings, info: StackInfo, tmp_path: Path) -> None:
    seed = tmp_path / "seed.yaml"
    seed.write_text((deploy_directory() / "seed" / "tenants.yaml").read_text() + "# another\n")
    drifted = replace(settings, seed=seed)

    with pytest.raises(PlexdevError) as refusal:
        attach.attach(replace(drifted, on_drift="fail"), Heard())
    assert attach.attach(replace(drifted, on_drift="ignore"), Heard()) == info
    assert attach.attach(replace(settings, on_drift="fail"), Heard()) == info

    assert refusal.value.tag == "drifted"
    assert f"seed {seed}" in str(refusal.value)


def test_drift_is_applied_and_only_what_reads_it_rolls(
    settings: KindSettings, client: KubeClient, tmp_path: Path
) -> None:
    before = versions(client)
    seed = tmp_path / "seed.yaml"
    seed.write_text((deploy_directory() / "seed" / "tenants.yaml").read_text() + "# another\n")

    _, did = attach.bring_up(replace(settings, seed=seed), Heard())
    after = versions(client)
    _, back = attach.bring_up(settings, Heard())

    assert did[0] == f"differs from what was applied: seed {seed}"
    assert [name for name in after if after[name] != before[name]] == ["plexsphere-bootstrap"]
    assert "bootstrap: ran again" in back


def test_of_two_who_ask_at_once_one_waits_and_says_for_whom(settings: KindSettings, info: StackInfo) -> None:
    both = [another_up(settings), another_up(settings)]
    said = [process.communicate(timeout=300)[0] for process in both]

    assert [process.returncode for process in both] == [0, 0]
    waited = [text for text in said if "waiting for `" in text]
    assert len(waited) == 1
    other = both[1 - said.index(waited[0])]
    assert f"(pid {other.pid}), held for" in waited[0]


def test_an_api_server_that_is_restarted_during_readiness_is_survived(settings: KindSettings, info: StackInfo) -> None:
    def restart(phase: str) -> None:
        if phase == "readiness":
            node_does(settings, "pkill", "-KILL", "kube-apiserver")

    again, did = attach.bring_up(replace(settings, reapply=True), Heard(restart))

    assert "bootstrap: ran again" in did
    assert again.endpoints == info.endpoints


def test_a_stopped_node_is_started_again(settings: KindSettings, info: StackInfo) -> None:
    subprocess.run(["docker", "stop", "-t", "1", node_of(settings.name)], check=True, capture_output=True)
    assert attach.find(settings.state, name=settings.name) is None

    again, did = attach.bring_up(settings, Heard())

    assert f"cluster {settings.name}: was stopped, started again" in did
    assert again.endpoints == info.endpoints
    assert endpoints.discovery(again.endpoints.issuer, patience=5)["issuer"] == again.endpoints.issuer
    assert attach.find(settings.state, name=settings.name) is not None


def test_a_node_that_somebody_restarts_is_waited_for(
    settings: KindSettings, info: StackInfo, client: KubeClient
) -> None:
    before = {pod["metadata"]["name"] for pod in client.list(POD, GATEWAY_NAMESPACE)["items"]}
    subprocess.run(["docker", "restart", "-t", "1", node_of(settings.name)], check=True, capture_output=True)
    heard = Heard()

    again, did = attach.bring_up(settings, heard)

    after = {pod["metadata"]["name"] for pod in client.list(POD, GATEWAY_NAMESPACE)["items"]}
    assert any(each.reason.startswith("waiting for the API server of") for each in heard.verdicts)
    (replaced,) = (line for line in did if "because they started before its network" in line)
    assert "envoy-gateway-" in replaced
    assert before != after
    assert again.endpoints == info.endpoints


def test_without_our_kubeconfig_it_is_asked_for_again(settings: KindSettings, info: StackInfo) -> None:
    assert info.cluster is not None
    info.cluster.kubeconfig.unlink()

    again, _ = attach.bring_up(settings, Heard())

    assert again.cluster == info.cluster
    assert info.cluster.kubeconfig.stat().st_mode & 0o077 == 0


def test_a_bring_up_that_was_never_completed_is_resumed(settings: KindSettings, client: KubeClient) -> None:
    client.delete(client.resource_of("v1", "ConfigMap"), "plexdev-ready", NAMESPACE)
    client.delete(client.resource_of("v1", "ConfigMap"), "plexdev-sentinel", NAMESPACE)

    _, did = attach.bring_up(settings, Heard())

    assert f"cluster {settings.name}: exists already" in did
    assert any(line.startswith("objects: 1 created") for line in did)
    assert attach.find(settings.state, name=settings.name) is not None


def test_a_node_that_does_not_come_back_is_told_and_can_be_deleted(
    settings: KindSettings, info: StackInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its address is somebody else's when it starts again; kind's own nodes find their way then, others do not."""
    monkeypatch.setattr(node_restart, "STARTS_WITHIN_S", 20.0)
    address = address_of(node_of(settings.name))
    subprocess.run(["docker", "stop", "-t", "1", node_of(settings.name)], check=True, capture_output=True)
    thieves = take(address)
    try:
        outcome = " ".join(attach.bring_up(settings, Heard())[1])
    except PlexdevError as error:
        outcome = str(error)
    finally:
        subprocess.run(["docker", "rm", "-f", *thieves], check=True, capture_output=True)

    came_back = f"cluster {settings.name}: was stopped, started again" in outcome
    is_told = outcome.startswith("plexdev[node-not-back]") and "its address changed" in outcome
    assert came_back or is_told, outcome


def test_down_deletes_what_is_ours_and_says_what_else_helps(settings: KindSettings, made: list[str]) -> None:
    lines = attach.take_down(settings, force=False, progress=Heard())

    assert lines[0] == f"plexdev: the kind cluster {settings.name} is deleted"
    assert "docker builder prune -f && docker image prune -f" in lines[-1]
    assert settings.name not in clusters()
    assert not warm_directory(settings.state, settings.name).exists()
    assert "nothing to delete" in attach.take_down(settings, force=False, progress=Heard())[0]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_a_cancelled_job_while_the_cluster_is_made_leave_nothing(
    settings: KindSettings, number: signal.Signals
) -> None:
    process = another_up(settings)
    deadline = time.monotonic() + 120
    while settings.name not in clusters():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.send_signal(number)
    process.communicate(timeout=120)

    assert settings.name not in clusters()
    assert ClusterFiles(settings.name, warm_directory(settings.state, settings.name)).creation() is None


def config_map(name: str, labels: dict[str, str]) -> KubeObject:
    meta = {"name": name, "namespace": NAMESPACE, "labels": labels}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta}


def take(address: str) -> list[str]:
    """Containers, the last of which has that address; Docker gives the lowest free one."""
    taken: list[str] = []
    while not taken or address_of(taken[-1]) != address:
        assert len(taken) < 10
        said = subprocess.run([*THIEF, IMAGE, "sleep", "120"], check=True, capture_output=True, text=True)
        taken.append(said.stdout.strip())
    return taken


def address_of(container: str) -> str:
    template = "{{.NetworkSettings.Networks.kind.IPAddress}}"
    argv = ["docker", "inspect", "--format", template, container]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


def node_does(settings: KindSettings, *argv: str) -> None:
    subprocess.run(["docker", "exec", node_of(settings.name), *argv], check=True, capture_output=True)
