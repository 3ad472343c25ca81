"""The doctor's examination of a real cluster, which changes nothing."""

from __future__ import annotations

import json
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_plexdev.core.subprocesses import run
from pytest_plexdev.doctor.advice import with_advice
from pytest_plexdev.doctor.probes import machine
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.readiness import OBJECTS_NOT_READY
from pytest_plexdev.kube import Access, KubeClient
from pytest_plexdev.kube.resources import CONFIG_MAP, CUSTOM_RESOURCE_DEFINITION, GATEWAY, NAMESPACE
from pytest_plexdev.stack.kind.constants import OWNER, OWNER_LABEL, SENTINEL
from tests.support.cluster_doctor import doctor, finding
from tests.support.clusters import NODE_IMAGE


@pytest.fixture
def our_manifests(kube: KubeClient) -> Iterator[None]:
    """The cluster after ``plexdev manifests | kubectl apply``."""
    meta = {"name": SENTINEL, "namespace": "default", "labels": {OWNER_LABEL: OWNER}}
    kube.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta})
    yield
    kube.delete(CONFIG_MAP, SENTINEL, "default")


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
        output = str(with_advice(caught.value, None))

    assert f"doctor[port-taken]: port {port} (the API) is taken by " in output, str(caught.value)
    assert "try: pytest --plexdev-stack=kind" in output


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
    """The versions of all objects that nothing but the doctor could have changed."""
    return {each["metadata"]["name"]: each["metadata"]["resourceVersion"] for each in _lasting(kube)}


def _lasting(kube: KubeClient) -> list[Any]:
    return [
        each
        for kind in (CONFIG_MAP, NAMESPACE, CUSTOM_RESOURCE_DEFINITION, GATEWAY)
        for each in kube.list(kind)["items"]
    ]


def _node_image() -> list[str]:
    return ["--image", NODE_IMAGE] if NODE_IMAGE else []
