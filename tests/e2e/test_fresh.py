"""The life of a run's own cluster."""

from __future__ import annotations

import base64
import json
import socket
import stat
import subprocess
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import psycopg
import pytest

from pytest_plexdev.core.model import StackInfo
from pytest_plexdev.core.ownership.mark import MARK
from pytest_plexdev.kube import KubeClient, read_access
from pytest_plexdev.kube.resources import CONFIG_MAP, DEPLOYMENT, JOB, POD, REPLICA_SET, SECRET, STATEFUL_SET
from pytest_plexdev.stack.kind.cluster import create, reaper
from pytest_plexdev.stack.kind.cluster.cluster_files import ClusterFiles
from pytest_plexdev.stack.kind.cluster.node_container import find_node
from pytest_plexdev.stack.kind.constants import NAMESPACE, SENTINEL
from pytest_plexdev.stack.kind.provider import KindProvider
from pytest_plexdev.stack.kind.state import ownership
from tests.support.kind_stacks import ProgressRecorder, clusters, fresh_settings

pytestmark = pytest.mark.usefixtures("cluster_tools")
WORKLOADS = (DEPLOYMENT, STATEFUL_SET, REPLICA_SET, JOB)


@pytest.fixture(scope="module")
def run_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="module")
def progress() -> ProgressRecorder:
    return ProgressRecorder()


@pytest.fixture(scope="module")
def provider(cluster_tools: None, run_directory: Path) -> KindProvider:
    return KindProvider(fresh_settings(run_directory), run_directory / "stack")


@pytest.fixture(scope="module")
def stack(provider: KindProvider, progress: ProgressRecorder) -> Iterator[StackInfo]:
    user_file = Path.home() / ".kube" / "config"
    before = user_file.read_bytes() if user_file.exists() else None
    info = provider.up(progress).info
    try:
        assert (user_file.read_bytes() if user_file.exists() else None) == before
        yield info
    finally:
        provider.close()
        provider.down(info)


def test_it_answers_at_ports_of_its_own(stack: StackInfo) -> None:
    api, issuer = stack.endpoints.api, stack.endpoints.issuer

    with urllib.request.urlopen(f"{issuer}/.well-known/openid-configuration") as answer:
        assert json.load(answer)["issuer"] == issuer
    with urllib.request.urlopen(f"{api}/readyz") as answer:
        assert json.load(answer)["status"] == "ready"
    assert not {api, issuer} & {"http://localhost:8080", "http://localhost:5556/dex"}


def test_it_knows_the_three_seeded_tenants(stack: StackInfo) -> None:
    assert [tenant.slug for tenant in stack.tenants] == ["acme-corp", "beta-llc", "gamma-coop"]


def test_its_programs_are_told_the_addresses_that_a_browser_uses(stack: StackInfo) -> None:
    assert stack.cluster is not None
    kubectl = ["kubectl", "--kubeconfig", str(stack.cluster.kubeconfig), "--context", stack.cluster.context]
    result = subprocess.run(
        [*kubectl, "exec", "deployment/plexsphere", "-c", "plexsphere", "--", "env"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert f"PLEXSPHERE_PUBLIC_URL={stack.endpoints.api}" in result.stdout.splitlines()


def test_every_service_is_ready(provider: KindProvider, stack: StackInfo) -> None:
    verdicts = {verdict.name: verdict.state for verdict in provider.verdicts(stack)}

    assert set(verdicts.values()) == {"ready"}
    assert {"deployment/plexsphere", "statefulset/postgres", "job/plexsphere-bootstrap"} <= set(verdicts)


def test_its_kubeconfig_is_its_own_and_private(stack: StackInfo) -> None:
    assert stack.cluster is not None
    mode = stat.S_IMODE(stack.cluster.kubeconfig.stat().st_mode)

    assert stack.directory in stack.cluster.kubeconfig.parents
    assert mode & 0o077 == 0


def test_it_carries_our_marks(stack: StackInfo) -> None:
    assert stack.cluster is not None
    access = read_access(stack.cluster.kubeconfig, stack.cluster.context)
    container = find_node(stack.cluster.name)
    assert access is not None
    assert container is not None

    place = ClusterFiles(stack.cluster.name, stack.directory)
    with KubeClient(access) as client:
        ready = ownership.read_ready(client)
        assert client.get(CONFIG_MAP, SENTINEL, NAMESPACE) is not None
        assert ownership.has_our_labels(client, place)
    assert create.has_our_labels(place, container)
    assert ready is not None
    assert ready.tenants == stack.tenants


def test_no_image_was_pulled(stack: StackInfo) -> None:
    assert stack.cluster is not None
    access = read_access(stack.cluster.kubeconfig, stack.cluster.context)
    assert access is not None
    with KubeClient(access) as client:
        pods = client.list(POD)["items"]

    assert pods
    assert [pod["metadata"]["name"] for pod in pods if "Pulling" in json.dumps(pod["status"])] == []


def test_logs_are_read_by_the_services_name(provider: KindProvider, stack: StackInfo) -> None:
    text = provider.log(stack, "plexsphere-bootstrap")

    assert "==> wait-for-deps <==" in text
    assert "acme-corp" in text
    assert provider.log(stack, "no-such-service") == ""


def test_postgres_is_reached_by_a_way_of_its_own(provider: KindProvider, stack: StackInfo) -> None:
    with psycopg.connect(provider.reach(stack, "postgres")) as connection:
        row = connection.execute("SELECT count(*) FROM plexsphere.domains").fetchone()

    assert row == (3,)


def test_nats_refuses_who_does_not_know_its_password(provider: KindProvider, stack: StackInfo) -> None:
    address = urlsplit(provider.reach(stack, "nats"))
    password = address.password or ""

    assert _nats_says(address, {"verbose": False}) == "-ERR 'Authorization Violation'"
    assert _nats_says(address, {"user": "plexsphere", "pass": "plexsphere"}) == "-ERR 'Authorization Violation'"
    assert _nats_says(address, {"user": "plexsphere", "pass": password, "verbose": False}) == "PONG"
    assert len(password) == 32


def test_the_password_of_nats_is_on_no_command_line(provider: KindProvider, stack: StackInfo) -> None:
    """Every user of the machine can read command lines, including those of the node's processes."""
    password = urlsplit(provider.reach(stack, "nats")).password or ""
    lines = [_command_line(path) for path in Path("/proc").glob("[0-9]*")]

    assert [line for line in lines if "nats-server" in line and "--config=" in line]
    assert [line for line in lines if password in line] == []


def test_the_password_of_nats_is_in_one_secret_alone(provider: KindProvider, stack: StackInfo) -> None:
    password = urlsplit(provider.reach(stack, "nats")).password or ""
    assert stack.cluster is not None
    access = read_access(stack.cluster.kubeconfig, stack.cluster.context)
    assert access is not None
    with KubeClient(access) as client:
        shown = [each for kind in (CONFIG_MAP, POD, *WORKLOADS) for each in client.list(kind)["items"]]
        secrets = client.list(SECRET)["items"]

    encoded = base64.b64encode(f"nats://plexsphere:{password}@nats:4222".encode()).decode()
    assert {each["metadata"]["name"] for each in shown} >= {"plexsphere-config", "nats-0", "nats", "plexsphere"}
    assert [each["metadata"]["name"] for each in shown if password in json.dumps(each)] == []
    assert [each["metadata"]["name"] for each in secrets if encoded in json.dumps(each)] == ["nats-credentials"]


def test_its_control_plane_waits_for_no_election_and_no_disk(stack: StackInfo) -> None:
    """kind must have applied our patch: a later kind may use another version of kubeadm's configuration."""
    assert stack.cluster is not None
    access = read_access(stack.cluster.kubeconfig, stack.cluster.context)
    assert access is not None
    with KubeClient(access) as client:
        pods = client.list(POD, "kube-system", labels="tier=control-plane")["items"]
    words = {pod["metadata"]["labels"]["component"]: pod["spec"]["containers"][0]["command"] for pod in pods}

    assert "--leader-elect=false" in words["kube-controller-manager"]
    assert "--kube-api-qps=500" in words["kube-controller-manager"]
    assert "--leader-elect=false" in words["kube-scheduler"]
    assert "--unsafe-no-fsync=true" in words["etcd"]


def test_what_can_be_done_at_the_same_time_is(stack: StackInfo) -> None:
    phases = {phase.name: phase for phase in stack.phases}
    end = {name: phase.began + phase.seconds for name, phase in phases.items()}

    assert phases["build"].began < end["cluster"]
    assert phases["manifests"].began < end["cluster"]
    assert end["manifests"] < end["cluster"]


def test_nothing_of_it_is_left(provider: KindProvider, stack: StackInfo, run_directory: Path) -> None:
    """The last test of this module: it stops the stack."""
    watching = reaper.REAPER.find(stack.directory)
    assert watching is not None
    with watching:
        provider.down(stack)
        assert watching.wait(0)

    assert stack.cluster is not None
    assert stack.cluster.name not in clusters()
    assert [each.name for each in run_directory.iterdir()] == [MARK]


def _nats_says(address: SplitResult, who: Mapping[str, object]) -> str:
    """The answer of NATS to a client that connects with these options and sends a PING."""
    assert address.hostname is not None
    with (
        socket.create_connection((address.hostname, address.port or 0), timeout=10) as client,
        client.makefile("rwb") as result,
    ):
        assert result.readline().startswith(b"INFO ")
        result.write(b"CONNECT " + json.dumps({"verbose": False, **who}).encode() + b"\r\nPING\r\n")
        result.flush()
        return result.readline().decode().strip()


def _command_line(process: Path) -> str:
    try:
        return (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:  # it has ended
        return ""
