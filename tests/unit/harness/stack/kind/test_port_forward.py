"""Port-forwards whose kubectl misbehaves in rare ways."""

from __future__ import annotations

import errno
import os
import subprocess
import time
from pathlib import Path

import pytest

from pytest_plexdev.core.model import Cluster
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.stack.kind import kubectl_port_forward
from pytest_plexdev.stack.kind.port_forward import Forwards

CLUSTER = Cluster(name="c", context="kind-c", kubeconfig=Path("none"), namespace="default", owned=False)


@pytest.fixture
def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fake kubectl, whose script the test writes."""
    script = tmp_path / "kubectl"
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    return script


def test_what_it_says_is_read_for_as_long_as_it_lives(kubectl: Path, tmp_path: Path) -> None:
    # It writes a line for each connection, and would block on a full pipe (64 KiB).
    kubectl.write_text(
        "#!/bin/sh\n"
        "echo 'Forwarding from 127.0.0.1:40001 -> 4222'\n"
        "i=0; while [ $i -lt 4000 ]; do echo 'Handling connection for 40001'; i=$((i+1)); done\n"
        f"touch {tmp_path}/through\n"
        "exec sleep 60\n"
    )
    forwards = Forwards(CLUSTER)
    assert forwards.url("nats") == "nats://127.0.0.1:40001"

    deadline = time.monotonic() + 20
    while not (tmp_path / "through").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    forwards.close()
    assert (tmp_path / "through").exists()


def test_one_that_says_nothing_is_ended_and_named(kubectl: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kubectl.write_text("#!/bin/sh\necho 'Waiting for a Pod'\nexec sleep 60\n")
    monkeypatch.setattr(kubectl_port_forward, "TIMEOUT_S", 1.0)

    with pytest.raises(PlexdevError) as silent:
        Forwards(CLUSTER).open("postgres")
    assert silent.value.tag == "command-unfinished"
    assert "  | Waiting for a Pod" in str(silent.value)


def test_a_stopped_kubelet_is_reported_with_its_restart_command(kubectl: Path) -> None:
    refused = "error dialing backend: dial tcp 172.18.0.2:10250: connect: connection refused"
    kubectl.write_text(f"#!/bin/sh\necho 'error: error upgrading connection: {refused}' >&2\nexit 1\n")

    with pytest.raises(PlexdevError, match="through the node's kubelet, which does not run") as failed:
        Forwards(CLUSTER).open("postgres")

    assert failed.value.fix == "docker exec c-control-plane systemctl restart kubelet"


def test_one_that_cannot_be_started_is_told_and_tried_again(kubectl: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kubectl.write_text("#!/bin/sh\necho 'Forwarding from 127.0.0.1:40001 -> 4222'\nexec sleep 60\n")
    forwards = Forwards(CLUSTER)
    with monkeypatch.context() as machine:
        machine.setattr(subprocess, "Popen", refuse)
        with pytest.raises(PlexdevError) as failed:
            forwards.open("nats")

    assert failed.value.tag == "command-failed"
    assert "ended with its start: Cannot allocate memory" in str(failed.value)
    assert forwards.open("nats") == "127.0.0.1:40001"
    forwards.close()


def refuse(*_: object, **__: object) -> None:
    raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))


def test_without_kubectl_it_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(PlexdevError, match="kubectl is not on PATH"):
        Forwards(CLUSTER).open("postgres")
