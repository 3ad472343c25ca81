"""Port-forwards into a cluster, with a real kubectl. etcd, whose image every kind node has, stands in for Postgres."""

from __future__ import annotations

import base64
import http.client
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_plexdev.core.model import Cluster
from pytest_plexdev.core.poll import poll
from pytest_plexdev.core.process_id import ProcessId
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.kube import Access, KubeClient
from pytest_plexdev.kube.resources import POD
from pytest_plexdev.stack.kind.port_forward import Forwards
from tests.support.processes import assert_ends

ETCD = (
    "etcd --data-dir=/tmp/etcd --unsafe-no-fsync"
    " --listen-client-urls=http://0.0.0.0:5432 --advertise-client-urls=http://localhost:5432"
)


@pytest.fixture
def cluster(bare_cluster: Access, namespace: str) -> Cluster:
    return Cluster(
        name="bare",
        context=bare_cluster.context,
        kubeconfig=bare_cluster.kubeconfig,
        namespace=namespace,
        owned=False,
    )


@pytest.fixture
def forwards(cluster: Cluster) -> Iterator[Forwards]:
    forwards = Forwards(cluster)
    yield forwards
    forwards.close()


@pytest.fixture
def server(kube: KubeClient, namespace: str) -> str:
    """A Service ``postgres`` with one Pod behind it."""
    port = {"name": "tcp", "port": 5432, "targetPort": 5432}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "postgres", "namespace": namespace}}
    kube.apply({**service, "spec": {"selector": {"app": "postgres"}, "ports": [port]}})
    return _start_pod(kube, namespace, "one")


def test_the_service_answers_behind_the_way(forwards: Forwards, server: str) -> None:
    began = time.perf_counter()
    address = forwards.open("postgres")
    seconds = time.perf_counter() - began

    assert address.startswith("127.0.0.1:")
    assert _answers(address)
    assert seconds < 5
    assert forwards.open("postgres") == address


def test_another_pod_is_found_after_the_first_one_went(
    forwards: Forwards, server: str, kube: KubeClient, namespace: str
) -> None:
    first = forwards.open("postgres")
    kube.delete(POD, server, namespace)
    _wait(kube, namespace, f"pod/{server}", "delete")
    _start_pod(kube, namespace, "two")

    # Nobody connected meanwhile, which is when kubectl notices. The slice lists a ready Pod a moment later.
    address = poll(lambda: forwards.open("postgres"), until=lambda now: now != first, every_s=0.05, timeout_s=20)

    assert address != first
    assert _answers(address)


def test_the_url_has_the_secrets_user_and_this_machines_address(
    forwards: Forwards, server: str, kube: KubeClient, namespace: str
) -> None:
    url = b"postgres://plexsphere:pa%3Ass@postgres:5432/plexsphere?sslmode=disable"
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "postgres-credentials"}}
    secret["metadata"] = {"name": "postgres-credentials", "namespace": namespace}
    kube.apply({**secret, "data": {"DATABASE_URL": base64.b64encode(url).decode()}})

    address = forwards.open("postgres")
    assert forwards.url("postgres") == f"postgres://plexsphere:pa%3Ass@{address}/plexsphere?sslmode=disable"


def test_without_the_secret_it_is_named(forwards: Forwards, server: str, namespace: str) -> None:
    with pytest.raises(PlexdevError) as refused:
        forwards.url("postgres")

    assert refused.value.tag == "kube-refused"
    assert "Secret postgres-credentials: it does not exist" in str(refused.value)
    assert str(refused.value).endswith(f"get secret postgres-credentials --namespace {namespace}")


def test_a_service_that_is_not_there_is_kubectls_word(forwards: Forwards) -> None:
    with pytest.raises(PlexdevError) as refused:
        forwards.open("nats")

    assert refused.value.tag == "command-failed"
    assert 'services "nats" not found' in str(refused.value)
    assert "nats listens inside the cluster only" in str(refused.value)


def test_closing_ends_it_and_it_opens_again(forwards: Forwards, server: str) -> None:
    first = forwards.open("postgres")
    forwards.close()

    _wait_refused(first)
    assert _answers(forwards.open("postgres"))


def test_it_ends_with_its_process_however_that_ends(cluster: Cluster, server: str, tmp_path: Path) -> None:
    program = f"""
        import sys
        from pathlib import Path
        from pytest_plexdev.stack.kind.port_forward import Forwards
        from pytest_plexdev.core.model import Cluster
        forwards = Forwards(Cluster(name="bare", context={cluster.context!r}, namespace={cluster.namespace!r},
                                    kubeconfig=Path({str(cluster.kubeconfig)!r}), owned=False))
        print(forwards.open("postgres"), flush=True)
        sys.stdin.read()
    """
    owner = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with owner:
        assert owner.stdout is not None
        address = owner.stdout.readline().strip()
        assert _answers(address)
        children = _children_of(owner.pid)
        owner.send_signal(signal.SIGKILL)

    assert children
    _wait_refused(address)
    for child in children:
        assert_ends(child.pid)


def _start_pod(kube: KubeClient, namespace: str, name: str) -> str:
    (of_the_node,) = kube.list(POD, "kube-system", labels="component=etcd")["items"]
    container = {
        "name": "etcd",
        "image": of_the_node["spec"]["containers"][0]["image"],
        "command": ETCD.split(),
        "readinessProbe": {"httpGet": {"path": "/health", "port": 5432}, "periodSeconds": 1},
    }
    # A new namespace gets its ServiceAccount a moment later, and a Pod is not admitted without one.
    _wait(kube, namespace, "serviceaccount/default", "create")
    meta = {"name": name, "namespace": namespace, "labels": {"app": "postgres"}}
    spec = {"containers": [container], "terminationGracePeriodSeconds": 0}
    kube.apply({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec})
    _wait(kube, namespace, f"pod/{name}", "condition=Ready")
    return name


def _wait(kube: KubeClient, namespace: str, what: str, until: str) -> None:
    wait = [*kube.access.kubectl, "-n", namespace, "wait", what, f"--for={until}", "--timeout=60s"]
    subprocess.run(wait, check=True, capture_output=True)


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{address}/version", timeout=5) as answer:
            return b"etcdserver" in answer.read()
    except (OSError, http.client.HTTPException):
        return False


def _wait_refused(address: str) -> None:
    host, _, port = address.partition(":")

    def is_refused() -> bool:
        try:
            socket.create_connection((host, int(port)), timeout=5).close()
        except OSError:
            return True
        return False

    assert poll(is_refused, every_s=0.05, timeout_s=5), f"{address} still accepts connections"


def _children_of(pid: int) -> list[ProcessId]:
    tasks = (Path("/proc") / str(pid) / "task").iterdir()
    pids = [int(child) for task in tasks for child in (task / "children").read_text().split()]
    assert os.getpid() not in pids
    return [ProcessId.of(child) for child in pids]
