"""The failure modes of a node and its images, each provoked on a real cluster, and repaired.

Two causes are simulated. Instead of setting the machine's clock, the examination gets another time, and a Pod writes
the control plane's log. Instead of filling the disk, the kubelet's threshold is set to 99 % of free space. It then
reports DiskPressure itself; as a soft threshold with an hour of grace, it evicts nothing.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

import pytest

from pytest_plexdev.core.subprocesses import run
from pytest_plexdev.kube import Access, KubeClient
from pytest_plexdev.stack.kind.images import build
from pytest_plexdev.stack.kind.images.pins import read_pins
from tests.support.cluster_doctor import cluster_name, doctor, finding, kubectl, paste, pod_of, wait_for_the_kubelet


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
    build.load(cluster_name(bare_cluster), [busybox])
    line = "level=WARN msg=refused reason='id_token has expired: exp is 2026-11-23T12:00:00Z'"
    kube.apply(pod_of(namespace, "plexsphere", busybox, "sh", "-c", f'echo "{line}"; sleep 600'))
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
        kube.apply(pod_of(namespace, "lonely", image, "sleep", "600"))
        state = "{.status.containerStatuses[0].state.waiting.reason}"
        never = f"--for=jsonpath={state}=ErrImageNeverPull"
        kubectl(bare_cluster, "-n", namespace, "wait", never, "pod/lonely", "--timeout=60s")
        found = finding(bare_cluster, "image-never-pulled")
        assert found.state == "found"
        assert f"pod/lonely ({namespace}), container lonely: {image}" in found.evidence
        assert found.command == f"kind load docker-image {image} --name {cluster_name(bare_cluster)}"

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
    wait_for_the_kubelet(bare_cluster, "ok")
    assert finding(bare_cluster, "serial-pulls").evidence == f"{node}: in parallel"


def test_the_doctor_mends_the_kubelet_of_a_cluster_of_ours(
    kubelet: Callable[[str], None], ours: None, bare_cluster: Access, capsys: pytest.CaptureFixture[str]
) -> None:
    assert doctor(bare_cluster, "--fix", "serial-pulls") == 0
    assert "it was restarted" in capsys.readouterr().out
    wait_for_the_kubelet(bare_cluster, "ok")

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

    output = capsys.readouterr().err
    assert "plexdev[fix-by-hand]: " in output
    assert "fix: docker builder prune -f && docker image prune -f" in output
