"""The nine failure modes, each provoked on a real cluster, and what the doctor says, prints and mends.

Two causes cannot be had here: a machine's clock is not ours to set, so the examination is told another time, and a Pod
writes what the control plane writes; a full disk is not wanted, so the kubelet is told that 99 % must be free: it then
reports DiskPressure by itself (a soft threshold with an hour of grace: nothing is evicted).
"""

from __future__ import annotations

import json
import secrets
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import tenacity

from pytest_plexdev.cli.main import main
from pytest_plexdev.core.subprocesses import run
from pytest_plexdev.doctor import Finding, examine
from pytest_plexdev.doctor.advice import with_advice
from pytest_plexdev.doctor.checks.gateway import CONTROLLER
from pytest_plexdev.doctor.fixes import mend
from pytest_plexdev.doctor.probes import machine
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.readiness import OBJECTS_NOT_READY
from pytest_plexdev.kube import Access, KubeClient
from pytest_plexdev.kube.resources import CONFIG_MAP, CUSTOM_RESOURCE_DEFINITION, GATEWAY, GATEWAY_CLASS, NAMESPACE
from pytest_plexdev.readiness import refs_of, wait_ready
from pytest_plexdev.stack.kind.cluster.files import ClusterFiles
from pytest_plexdev.stack.kind.constants import GATEWAY_NAMESPACE, HOME_LABEL, OWNER, OWNER_LABEL, SENTINEL, node_of
from pytest_plexdev.stack.kind.images import build
from pytest_plexdev.stack.kind.images.pins import read_pins
from pytest_plexdev.stack.kind.manifests.apply import ApplyResult, apply
from pytest_plexdev.stack.kind.manifests.crds import custom_resource_definitions
from pytest_plexdev.stack.kind.manifests.render import render
from pytest_plexdev.stack.kind.settings import Addresses, KindSettings
from pytest_plexdev.stack.kind.state import ownership
from tests.e2e.stacks import relabelled

BIG = "envoyproxies.gateway.envoyproxy.io"
ROUTE = "gateway.networking.k8s.io/v1"


def finding(access: Access, mode: str, *, now: Callable[[], float] = time.time) -> Finding:
    return next(each for each in examine(access, now=now, seconds=30) if each.mode == mode)


def later() -> float:
    """Half a minute on: what a controller has not looked at by now is not new any more."""
    return time.time() + 30


def kubectl(access: Access, *words: str) -> str:
    return run([*access.kubectl, *words], timeout=150, purpose="the test").stdout


def paste(command: str) -> None:
    """Run a printed command as a person does."""
    subprocess.run(["bash", "-c", command], check=True, capture_output=True, timeout=120)


def doctor(access: Access, *words: str) -> int:
    return main(["doctor", "--kubeconfig", str(access.kubeconfig), "--context", access.context, *words])


@pytest.fixture
def node(bare_cluster: Access) -> str:
    return node_of(bare_cluster.context.removeprefix("kind-"))


@pytest.fixture
def ours(bare_cluster: Access, kube: KubeClient, node: str) -> Iterator[None]:
    """The bare cluster's node says that we made it, with its files where its kubeconfig is."""
    place = ClusterFiles(_name(bare_cluster), bare_cluster.kubeconfig.parent)
    with relabelled(kube, node, {OWNER_LABEL: OWNER, HOME_LABEL: place.home}):
        yield


@pytest.fixture
def our_manifests(kube: KubeClient) -> Iterator[None]:
    """Somebody piped ``plexdev manifests`` into kubectl."""
    meta = {"name": SENTINEL, "namespace": "default", "labels": {OWNER_LABEL: OWNER}}
    kube.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta})
    yield
    kube.delete(CONFIG_MAP, SENTINEL, "default")


@pytest.fixture(scope="session")
def gateway_kinds(bare_cluster: Access, kube: KubeClient) -> None:
    """The gateway's CustomResourceDefinitions are served."""
    definitions = custom_resource_definitions()
    for definition in definitions:
        kube.apply(definition)
    wait_ready(kube, refs_of(definitions), timeout=60)


@pytest.fixture
def controller(gateway_kinds: None, kube: KubeClient, bare_cluster: Access) -> Iterator[None]:
    """The real Envoy Gateway, as the dev stack has it, and nothing for it to look at."""
    pins = read_pins()
    build.load(_name(bare_cluster), [pins[each].reference for each in ("busybox", "envoy-gateway", "envoy")])
    wanted = [each for each in render(Addresses()) if _is_the_controllers(each)]
    apply(kube, wanted, ApplyResult(), established=lambda _: None)
    rollout = ["rollout", "status", "deployment/envoy-gateway", "--timeout=120s"]
    kubectl(bare_cluster, "-n", GATEWAY_NAMESPACE, *rollout)
    yield
    kube.delete(GATEWAY, "plexsphere", "default")
    kube.delete(GATEWAY_CLASS, "envoy-gateway")
    kubectl(bare_cluster, "delete", "namespace", GATEWAY_NAMESPACE)


@pytest.fixture
def kubelet(bare_cluster: Access, node: str) -> Iterator[Callable[[str], None]]:
    """Adds lines to the kubelet's configuration and restarts it; afterwards it is what it was."""
    file, kept = "/var/lib/kubelet/config.yaml", "/var/lib/kubelet-before-the-test.yaml"

    def inside(*words: str) -> None:
        run(["docker", "exec", node, *words], timeout=60, purpose="the test")

    def restart_with(lines: str) -> None:
        inside("sed", "-i", "$a " + lines.replace("\n", "\\n"), file)
        inside("systemctl", "restart", "kubelet")

    inside("cp", file, kept)
    yield restart_with
    inside("mv", kept, file)
    inside("systemctl", "restart", "kubelet")
    _until_the_kubelet_says(bare_cluster, "found")
    kubectl(bare_cluster, "wait", "--for=condition=DiskPressure=false", "node", "--all", "--timeout=120s")


def test_a_taken_port_is_what_kind_stumbled_over(
    cluster_tools: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        monkeypatch.setattr(machine, "PORTS", {port: "the API"})
        mapping = {"containerPort": 30080, "hostPort": port, "listenAddress": "127.0.0.1"}
        node = {"role": "control-plane", "extraPortMappings": [mapping]}
        config = json.dumps({"kind": "Cluster", "apiVersion": "kind.x-k8s.io/v1alpha4", "nodes": [node]})
        name = f"plexdev-test-{secrets.token_hex(3)}"
        create = ["kind", "create", "cluster", "--name", name, "--kubeconfig", str(tmp_path / "k"), "--config", "-"]
        with pytest.raises(PlexdevError) as caught:
            run([*create, *_node_image()], timeout=120, purpose="the test", stdin=config.encode())
        said = str(with_advice(caught.value, None))

    assert f"doctor[port-taken]: port {port} (the API) is taken by " in said, str(caught.value)
    assert "try: pytest --plexdev-stack=kind" in said


@pytest.mark.parametrize(
    ("controller", "why"),
    [
        (
            "example.com/nobody",
            f"it names the controller example.com/nobody, but Envoy Gateway is {CONTROLLER}",
        ),
        (CONTROLLER, f"there is no Deployment envoy-gateway in {GATEWAY_NAMESPACE}"),
    ],
)
def test_a_gateway_class_without_a_controller(
    gateway_kinds: None, kube: KubeClient, bare_cluster: Access, controller: str, why: str
) -> None:
    kube.apply(_gateway_class("lonely", controller))
    try:
        at_once = finding(bare_cluster, "gateway-not-admitted")
        then = finding(bare_cluster, "gateway-not-admitted", now=later)
    finally:
        kube.delete(GATEWAY_CLASS, "lonely")

    assert at_once.state == "ok", at_once.evidence
    assert then.state == "found"
    assert "gatewayclass/lonely is not accepted: Pending: Waiting for controller" in then.evidence
    assert "since 1970-01-01T00:00:00Z" in then.evidence
    assert why in then.evidence


def test_a_gateway_of_a_class_that_does_not_exist(
    gateway_kinds: None, kube: KubeClient, bare_cluster: Access, namespace: str
) -> None:
    kube.apply(_gateway(namespace, of_class="missing"))

    found = finding(bare_cluster, "gateway-not-admitted", now=later)

    assert f"gateway/plexsphere ({namespace}) is not accepted" in found.evidence
    assert "its GatewayClass missing does not exist" in found.evidence


def test_client_side_apply_of_the_big_definitions(
    gateway_kinds: None, ours: None, kube: KubeClient, bare_cluster: Access, capsys: pytest.CaptureFixture[str]
) -> None:
    big = next(each for each in custom_resource_definitions() if each["metadata"]["name"] == BIG)
    kube.delete(CUSTOM_RESOURCE_DEFINITION, BIG)
    kubectl(bare_cluster, "wait", "--for=delete", f"crd/{BIG}", "--timeout=60s")
    client_side = [*bare_cluster.kubectl, "apply", "-f", "-"]
    with pytest.raises(PlexdevError, match=r"metadata\.annotations: Too long"):
        run(client_side, timeout=60, purpose="the test", stdin=json.dumps(big).encode())
    kube.apply(_gateway_class("envoy-gateway", CONTROLLER))

    found = finding(bare_cluster, "gateway-not-programmed")
    assert found.state == "found"
    assert BIG in found.evidence
    assert "apply --server-side --force-conflicts" in found.command

    assert "plexdev doctor --crds | " in found.command

    assert doctor(bare_cluster, "--fix", "gateway-not-programmed") == 0
    assert f"{BIG}: created" in capsys.readouterr().out
    kubectl(bare_cluster, "wait", "--for=condition=Established", f"crd/{BIG}", "--timeout=60s")
    assert finding(bare_cluster, "gateway-not-programmed").state == "ok"
    kube.delete(GATEWAY_CLASS, "envoy-gateway")


def test_a_gateway_that_a_load_balancer_should_give_an_address(
    controller: None, ours: None, kube: KubeClient, bare_cluster: Access
) -> None:
    # Without our EnvoyProxy, Envoy's Service is a LoadBalancer.
    kube.apply(_gateway_class("envoy-gateway", CONTROLLER))
    kube.apply(_gateway("default", of_class="envoy-gateway"))
    reason = """--for=jsonpath={.status.conditions[?(@.type=="Programmed")].reason}=AddressNotAssigned"""
    kubectl(bare_cluster, "wait", reason, "gateway/plexsphere", "--timeout=120s")

    found = finding(bare_cluster, "address-not-assigned", now=later)
    assert found.state == "found"
    assert "gateway/plexsphere: AddressNotAssigned: " in found.evidence

    mark = ownership.Ready(addresses=Addresses(), services=(), fingerprint={"overlay": "of another checkout"})
    ownership.write_ready(kube, mark)
    assert "envoyproxy/envoy-proxy-config: created" in mend(found, bare_cluster, KindSettings(), lambda _: None)
    # What was applied is still of that checkout but for the gateway: the next `plexdev up` sees the difference.
    assert ownership.read_ready(kube) == mark
    ownership.withdraw_ready(kube)
    kubectl(bare_cluster, "wait", "--for=condition=Programmed", "gateway/plexsphere", "--timeout=120s")
    assert finding(bare_cluster, "address-not-assigned", now=later).evidence.startswith("gateway/plexsphere has ")
    assert finding(bare_cluster, "gateway-not-admitted", now=later).state == "ok"


def test_a_route_that_is_waited_for_wrongly(
    gateway_kinds: None, kube: KubeClient, bare_cluster: Access, namespace: str
) -> None:
    kube.apply(_route(namespace))
    _accept_route(bare_cluster, namespace)
    wrong = [*bare_cluster.kubectl, "-n", namespace, "wait", "--for=condition=Accepted", "httproute/plexsphere"]
    waiting = subprocess.Popen([*wrong, "--timeout=600s"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        found = finding(bare_cluster, "route-waited-for")
        # What is printed ends at once, while the other one still waits for what is true.
        paste(found.command)
        still_waits = waiting.poll() is None
    finally:
        waiting.kill()
        waiting.wait()

    assert found.state == "found"
    assert f"(pid {waiting.pid})" in found.evidence
    assert f"httproute/plexsphere ({namespace}) is accepted by its parents" in found.evidence
    assert still_waits
    assert finding(bare_cluster, "route-waited-for").state == "ok"


@pytest.mark.parametrize("seconds", [90, -90])
def test_clocks_that_are_apart(bare_cluster: Access, seconds: int) -> None:
    found = finding(bare_cluster, "clock-skew", now=lambda: time.time() + seconds)

    assert found.state == "found"
    assert f"s {'behind' if seconds > 0 else 'ahead of'} this machine's" in found.evidence
    assert "container " in found.evidence
    assert "API server " in found.evidence
    assert finding(bare_cluster, "clock-skew").state == "ok"


def test_a_token_that_was_refused_by_its_time(kube: KubeClient, bare_cluster: Access, namespace: str) -> None:
    busybox = read_pins()["busybox"].reference
    build.load(_name(bare_cluster), [busybox])
    line = "level=WARN msg=refused reason='id_token has expired: exp is 2026-11-23T12:00:00Z'"
    kube.apply(_pod(namespace, "plexsphere", busybox, "sh", "-c", f'echo "{line}"; sleep 600'))
    kubectl(bare_cluster, "-n", namespace, "wait", "--for=condition=Ready", "pod/plexsphere", "--timeout=60s")

    found = finding(bare_cluster, "clock-skew")

    assert found.state == "found"
    assert line in found.evidence


def test_an_image_that_is_not_on_the_node(
    ours: None, kube: KubeClient, bare_cluster: Access, namespace: str, capsys: pytest.CaptureFixture[str]
) -> None:
    image = f"plexdev-test-{secrets.token_hex(3)}:dev"
    run(["docker", "tag", read_pins()["busybox"].reference, image], timeout=30, purpose="the test")
    try:
        kube.apply(_pod(namespace, "lonely", image, "sleep", "600"))
        state = "{.status.containerStatuses[0].state.waiting.reason}"
        never = f"--for=jsonpath={state}=ErrImageNeverPull"
        kubectl(bare_cluster, "-n", namespace, "wait", never, "pod/lonely", "--timeout=60s")
        found = finding(bare_cluster, "image-never-pulled")
        assert found.state == "found"
        assert f"pod/lonely ({namespace}), container lonely: {image}" in found.evidence
        assert found.command == f"kind load docker-image {image} --name {_name(bare_cluster)}"

        assert doctor(bare_cluster, "--fix", "image-never-pulled") == 0
        assert f"{image}: loaded" in capsys.readouterr().out
        kubectl(bare_cluster, "-n", namespace, "wait", "--for=condition=Ready", "pod/lonely", "--timeout=120s")
    finally:
        run(["docker", "rmi", image], timeout=30, purpose="the test")
    assert finding(bare_cluster, "image-never-pulled").state == "ok"


def test_a_kubelet_that_pulls_one_image_after_the_other(
    kubelet: Callable[[str], None], bare_cluster: Access, node: str
) -> None:
    found = finding(bare_cluster, "serial-pulls")
    assert found.state == "found"
    assert f"the kubelet of {node} has serializeImagePulls: true" in found.evidence

    paste(found.command)
    _until_the_kubelet_says(bare_cluster, "ok")
    assert finding(bare_cluster, "serial-pulls").evidence == f"{node}: in parallel"


def test_the_doctor_mends_the_kubelet_of_a_cluster_of_ours(
    kubelet: Callable[[str], None], ours: None, bare_cluster: Access, capsys: pytest.CaptureFixture[str]
) -> None:
    assert doctor(bare_cluster, "--fix", "serial-pulls") == 0
    assert "it was restarted" in capsys.readouterr().out
    _until_the_kubelet_says(bare_cluster, "ok")

    assert doctor(bare_cluster, "--fix", "serial-pulls") == 0
    assert "nothing to do" in capsys.readouterr().out


def test_disk_pressure(kubelet: Callable[[str], None], bare_cluster: Access, node: str) -> None:
    kubelet('evictionSoft:\n  nodefs.available: "99%"\nevictionSoftGracePeriod:\n  nodefs.available: 1h')
    kubectl(bare_cluster, "wait", "--for=condition=DiskPressure=true", "node", "--all", "--timeout=120s")

    found = finding(bare_cluster, "disk-pressure")

    assert found.state == "found"
    assert f"node/{node} has DiskPressure" in found.evidence
    assert found.command == "docker builder prune -f && docker image prune -f"


def test_what_deletes_is_printed_and_never_run(
    kubelet: Callable[[str], None], ours: None, bare_cluster: Access, capsys: pytest.CaptureFixture[str]
) -> None:
    kubelet('evictionSoft:\n  nodefs.available: "99%"\nevictionSoftGracePeriod:\n  nodefs.available: 1h')
    kubectl(bare_cluster, "wait", "--for=condition=DiskPressure=true", "node", "--all", "--timeout=120s")

    assert doctor(bare_cluster, "--fix", "disk-pressure") == 1

    said = capsys.readouterr().err
    assert "plexdev[fix-by-hand]: " in said
    assert "fix: docker builder prune -f && docker image prune -f" in said


def test_nothing_is_mended_in_a_cluster_of_somebody_else(
    kubelet: Callable[[str], None],
    our_manifests: None,
    bare_cluster: Access,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert doctor(bare_cluster, "--fix", "serial-pulls") == 1

    assert "plexdev[hands-off]: the doctor changes nothing in kind-" in capsys.readouterr().err
    assert finding(bare_cluster, "serial-pulls").state == "found"


def test_a_foreign_cluster_is_examined_and_not_changed(
    bare_cluster: Access, kube: KubeClient, capsys: pytest.CaptureFixture[str]
) -> None:
    before = _versions(kube)

    code = doctor(bare_cluster)

    out = capsys.readouterr().out
    assert code == 1
    assert out.startswith(f"plexdev doctor: {bare_cluster.context}\n")
    assert "not examined" not in out
    assert "--fix" not in out
    assert _versions(kube) == before


def test_advice_on_a_real_cluster_is_short_and_quick(bare_cluster: Access) -> None:
    began = time.monotonic()
    failed = PlexdevError(OBJECTS_NOT_READY, ready=0, wanted=1, seconds=1, culprit="x", fix="x")
    advice = with_advice(failed, bare_cluster).advice

    assert time.monotonic() - began < 2.0
    assert "serial-pulls" in [each.mode for each in advice]
    assert len(advice) <= 4


def _versions(kube: KubeClient) -> dict[str, str]:
    """Every object that nobody but the doctor could have changed."""
    return {each["metadata"]["name"]: each["metadata"]["resourceVersion"] for each in _lasting(kube)}


def _lasting(kube: KubeClient) -> list[Any]:
    return [
        each
        for kind in (CONFIG_MAP, NAMESPACE, CUSTOM_RESOURCE_DEFINITION, GATEWAY)
        for each in kube.list(kind)["items"]
    ]


def _name(access: Access) -> str:
    return access.context.removeprefix("kind-")


def _node_image() -> list[str]:
    from tests.support.clusters import NODE_IMAGE

    return ["--image", NODE_IMAGE] if NODE_IMAGE else []


def _pod(namespace: str, name: str, image: str, *command: str) -> dict[str, Any]:
    container = {"name": name, "image": image, "imagePullPolicy": "Never", "command": list(command)}
    spec = {"containers": [container], "terminationGracePeriodSeconds": 0}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace}, "spec": spec}


def _is_the_controllers(each: Mapping[str, Any]) -> bool:
    meta, kind = each["metadata"], str(each["kind"])
    there = GATEWAY_NAMESPACE in (meta.get("namespace"), meta["name"]) or kind.startswith("ClusterRole")
    return there and kind != "EnvoyProxy"


def _gateway_class(name: str, controller: str) -> dict[str, Any]:
    spec = {"controllerName": controller}
    return {"apiVersion": ROUTE, "kind": "GatewayClass", "metadata": {"name": name}, "spec": spec}


def _gateway(namespace: str, *, of_class: str) -> dict[str, Any]:
    listener = {"name": "api", "port": 8080, "protocol": "HTTP"}
    return {
        "apiVersion": ROUTE,
        "kind": "Gateway",
        "metadata": {"name": "plexsphere", "namespace": namespace},
        "spec": {"gatewayClassName": of_class, "listeners": [listener]},
    }


def _route(namespace: str) -> dict[str, Any]:
    return {
        "apiVersion": ROUTE,
        "kind": "HTTPRoute",
        "metadata": {"name": "plexsphere", "namespace": namespace},
        "spec": {"parentRefs": [{"name": "plexsphere"}]},
    }


def _accept_route(access: Access, namespace: str) -> None:
    """Write what a controller writes where it accepts a route."""
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    accepted = {"type": "Accepted", "status": "True", "reason": "Accepted", "message": "", "lastTransitionTime": moment}
    parent = {"parentRef": {"name": "plexsphere"}, "controllerName": "example.com/test", "conditions": [accepted]}
    patch = json.dumps({"status": {"parents": [parent]}})
    words = ["patch", "httproute/plexsphere", "--subresource=status", "--type=merge", "-p", patch]
    kubectl(access, "-n", namespace, *words)


@tenacity.retry(stop=tenacity.stop_after_delay(60), wait=tenacity.wait_fixed(0.5), reraise=True)
def _until_the_kubelet_says(access: Access, state: str) -> None:
    """A kubelet that was restarted opens its port a moment later, and nothing tells when."""
    assert finding(access, "serial-pulls").state == state
