"""The parts of a cluster that a stack needs, broken on the warm one: each is reported with a command that helps."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import replace

import pytest

from pytest_plexdev.core.model import StackInfo, Verdict
from pytest_plexdev.doctor import Finding, examine
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.kube import Access, KubeClient, read_access
from pytest_plexdev.kube.resources import POD
from pytest_plexdev.readiness import verdicts_now, wait_ready
from pytest_plexdev.readiness.object_ref import ObjectRef
from pytest_plexdev.stack.kind.constants import NAMESPACE, node_of
from pytest_plexdev.stack.kind.manifests.inventory import objects_of_stack
from pytest_plexdev.stack.kind.provider import KindProvider
from pytest_plexdev.stack.kind.required_parts import health_of
from pytest_plexdev.stack.kind.settings import KindSettings
from pytest_plexdev.stack.kind.warm import attach, up
from tests.support.clusters import NODE_IMAGE
from tests.support.kind_stacks import ProgressRecorder
from tests.support.waiting import until

API = ObjectRef("Deployment", "plexsphere", NAMESPACE)


@pytest.fixture
def settings(warm_stack: StackInfo) -> KindSettings:
    return KindSettings(kind_image=NODE_IMAGE, timeout=300.0, keeps_profile=True)


@pytest.fixture
def access(warm_stack: StackInfo) -> Access:
    assert warm_stack.cluster is not None
    access = read_access(warm_stack.cluster.kubeconfig, warm_stack.cluster.context)
    assert access is not None
    return access


@pytest.fixture
def client(access: Access) -> Iterator[KubeClient]:
    with KubeClient(access) as client:
        yield client


@pytest.fixture
def well(settings: KindSettings, access: Access) -> Iterator[None]:
    """Repair after the test what it broke."""
    yield
    node = node_of(settings.name)
    subprocess.run(["docker", "exec", node, "systemctl", "start", "kubelet"], check=True, capture_output=True)
    scale = ["-n", "kube-system", "scale", "deployment/coredns", "--replicas=1"]
    subprocess.run([*access.kubectl, *scale], check=True, capture_output=True)
    with KubeClient(access) as client:
        wait_ready(client, objects_of_stack(client, owned=True), timeout=120, health=health_of(owned=True))


def unready(settings: KindSettings, info: StackInfo) -> dict[str, Verdict]:
    verdicts = KindProvider(settings, info.directory).verdicts(info)
    return {each.name: each for each in verdicts if each.state != "ready"}


def found(access: Access) -> dict[str, Finding]:
    return {each.mode: each for each in examine(access) if each.state == "found"}


def run(command: str) -> None:
    subprocess.run(shlex.split(command), check=True, capture_output=True, text=True)


@pytest.mark.usefixtures("well")
def test_without_dns_nobody_attaches_and_every_command_says_why(
    settings: KindSettings, warm_stack: StackInfo, access: Access, client: KubeClient
) -> None:
    run(client.command("-n", "kube-system", "scale", "deployment/coredns", "--replicas=0"))
    until(
        lambda: unready(settings, warm_stack).get("service/kube-dns", _READY).state == "doomed",
        within_s=30,
        every_s=0.2,
    )

    with pytest.raises(PlexdevError) as refused:
        attach.attach(settings, ProgressRecorder())
    with pytest.raises(PlexdevError) as failed:
        up.bring_up(settings, ProgressRecorder())
    findings = found(access)

    assert refused.value.tag == "service-not-ready"
    assert refused.value.what.startswith(
        "service/kube-dns of the running stack is doomed: deployment/coredns is scaled"
    )
    assert failed.value.tag == "doomed-object"
    assert failed.value.fix == refused.value.fix == findings["dns-down"].command
    assert list(unready(settings, warm_stack)) == ["service/kube-dns"]
    run(refused.value.fix)
    until(lambda: not unready(settings, warm_stack), within_s=60, every_s=0.2)
    assert attach.attach(settings, ProgressRecorder()) is not None


@pytest.mark.usefixtures("well")
def test_a_stopped_kubelet_is_reported_instead_of_its_pods(
    settings: KindSettings, warm_stack: StackInfo, access: Access
) -> None:
    node = node_of(settings.name)
    run(f"docker exec {node} systemctl stop kubelet")
    at_once = found(access)
    until(lambda: "deployment/plexsphere" in unready(settings, warm_stack), within_s=120, every_s=0.2)

    verdicts = unready(settings, warm_stack)
    later = found(access)

    assert at_once["kubelet-stopped"].evidence == f"the kubelet of {node} is inactive"
    assert later.keys() - {"port-taken"} == {"kubelet-stopped", "node-not-ready"}
    assert all(f"node/{node}: NotReady" in each.reason for name, each in verdicts.items() if name != f"node/{node}")
    run(verdicts[f"node/{node}"].hint)
    until(lambda: not unready(settings, warm_stack), within_s=120, every_s=0.2)


@pytest.mark.usefixtures("well")
def test_a_changed_node_port_is_reported_with_its_fix(
    settings: KindSettings, warm_stack: StackInfo, client: KubeClient
) -> None:
    change = json.dumps({"spec": {"ports": [{"port": 5556, "nodePort": 31556}]}})
    run(client.command("patch", "service", "dex", "-p", change))

    verdict = unready(settings, warm_stack)["nodeport/30556"]

    assert verdict.reason.startswith("service/dex has 31556 instead")
    run(verdict.hint)
    until(lambda: not unready(settings, warm_stack), within_s=30, every_s=0.2)


@pytest.mark.usefixtures("well")
def test_only_readers_of_a_restored_secret_are_restarted(
    settings: KindSettings, warm_stack: StackInfo, client: KubeClient
) -> None:
    change = json.dumps({"stringData": {"SPICEDB_GRPC_PRESHARED_KEY": "by hand"}})
    run(client.command("patch", "secret", "spicedb-credentials", "-p", change))
    before = _pods(client)
    run(client.command("rollout", "restart", "deployment/plexsphere"))
    with pytest.raises(PlexdevError) as waited:
        wait_ready(client, [API], timeout=20)
    wrong = _pods(client) - before

    _, did = up.bring_up(replace(settings, on_drift="apply", reapply=True), ProgressRecorder())

    assert "/readyz answers: spicedb: " in waited.value.why
    reason = "restarted, because what they read was changed or deleted by hand"
    assert f"{reason}: deployment/plexsphere (secret/spicedb-credentials)" in did
    assert not wrong & _pods(client)
    assert _pods(client) >= {name for name in before if name.startswith(("spicedb-", "postgres-", "dex-"))}
    assert not unready(settings, warm_stack)


def test_who_may_not_look_is_told_and_not_failed(client: KubeClient) -> None:
    """A user with access to the stack's namespace, but neither to nodes nor to kube-system."""
    run(client.command("create", "serviceaccount", "viewer"))
    try:
        run(client.command("create", "rolebinding", "viewer", "--clusterrole=view", "--serviceaccount=default:viewer"))
        token = subprocess.check_output(shlex.split(client.command("create", "token", "viewer")), text=True)
        access = replace(client.access, token=token.strip(), certificate=None, key=None)
        with KubeClient(access) as viewer:
            looked = verdicts_now(viewer, [API], health=health_of(owned=False))
            waited = wait_ready(viewer, [API], timeout=30, health=health_of(owned=False))
    finally:
        run(client.command("delete", "serviceaccount/viewer", "rolebinding/viewer", "--ignore-not-found"))

    for verdicts in (looked, waited):
        assert {each.state for each in verdicts} == {"ready"}
        unseen = [each.name for each in verdicts if each.reason.startswith("not looked at: this user may not list ")]
        assert unseen == ["node/*", "service/kube-dns", "daemonset/kube-proxy"]


_READY = Verdict(name="", state="ready")


def _pods(client: KubeClient) -> set[str]:
    return {each["metadata"]["name"] for each in client.list(POD, NAMESPACE)["items"]}
