"""Broken states of the warm cluster: the printed commands lead to a working stack, in at most two steps.

The doctor names each state, and `plexdev status` and `pytest --dev-stack` print the same command. With another
PLEXDEV_STATE_DIR, the same cluster belongs to someone else.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from pytest_plexdev.core.model import StackInfo
from pytest_plexdev.kube import read_access
from pytest_plexdev.stack.kind.constants import API_NODE_PORT, WARM_CLUSTER
from pytest_plexdev.stack.kind.images.pins import read_pins
from pytest_plexdev.stack.kind.settings import warm_directory
from tests.support.broken_clusters import (
    NODE,
    other_node_port,
    paused,
    truncated,
    wiped,
    without_forwarder,
    without_kubelet,
)
from tests.support.clusters import CACHE, STATE
from tests.support.engine import serving
from tests.support.shell_user import ShellUser, fix_of

UP: Final = "plexdev up --stack kind"

ASKS: Final = "def test_stack(plexdev_stack):\n    assert plexdev_stack.anonymous.meta.health().status == 'ok'\n"

WAS_THERE: Final = (warm_directory() / "kubeconfig").exists()
"""Whether the developer has a warm cluster, whose data must be kept."""


@pytest.fixture
def user(warm_stack: StackInfo, tmp_path: Path) -> ShellUser:
    assert warm_stack.cluster is not None
    (tmp_path / "test_stack.py").write_text(ASKS)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "home").mkdir()
    environment = {
        "PLEXDEV_STATE_DIR": str(STATE),
        "PLEXDEV_CACHE_DIR": str(CACHE),
        "HOME": str(tmp_path / "home"),
        "PLEXDEV_TIMEOUT": "300",
    }
    return ShellUser(tmp_path, warm_directory() / "kubeconfig", environment)


@pytest.fixture
def other_user(user: ShellUser) -> ShellUser:
    """A user who did not create the cluster, and has a kubeconfig for it."""
    theirs = user.directory / "home" / ".kube" / "config"
    theirs.parent.mkdir()
    shutil.copy(user.kubeconfig, theirs)
    user.environment["PLEXDEV_STATE_DIR"] = str(user.directory / "state")
    return user


def test_up_starts_a_kubelet_that_does_not_run(user: ShellUser) -> None:
    with without_kubelet(user):
        code, doctor = user.run("plexdev", "doctor")
        assert code == 1
        assert f"kubelet-stopped: the kubelet of a node does not run\n  found  the kubelet of {NODE}" in doctor
        code, output = user.run(*shlex.split(UP))

    assert code == 0
    assert f"the kubelet of {NODE} did not run, started" in output


def test_ports_published_in_another_network_stop_every_change(user: ShellUser) -> None:
    """As in a dev container with Docker's socket."""
    inside = ("unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh")
    if shutil.which("unshare") is None or user.run(*inside, "true")[0] != 0:
        pytest.skip("needs the right to make a network namespace, and ip")
    started = _docker("inspect", "--format", "{{.State.StartedAt}}", NODE)

    _, status = user.run(*inside, "plexdev", "status", "--stack", "kind")
    _, doctor = user.run(*inside, "plexdev", "doctor")
    refused, output = user.run(*inside, *shlex.split(UP))

    assert refused == 1
    assert "plexdev[loopback-elsewhere]: this machine's loopback is not the Docker engine's" in output
    assert "found  loopback-elsewhere: " in doctor
    assert not re.search(r"docker restart|plexdev down", status + doctor + output)
    assert _docker("inspect", "--format", "{{.State.StartedAt}}", NODE) == started


def test_attach_names_the_cordoned_node_and_the_uncordon_command(user: ShellUser) -> None:
    access = read_access(user.kubeconfig, f"kind-{WARM_CLUSTER}")
    assert access is not None
    subprocess.run([*access.kubectl, "cordon", NODE], check=True, capture_output=True)
    api = [*access.kubectl, "delete", "pod", "--selector", "app.kubernetes.io/name=plexsphere"]
    try:
        subprocess.run(api, check=True, capture_output=True)
        user.repair(_named(user, "nodes-cordoned"))
        code, output = user.attach()
    finally:
        subprocess.run([*access.kubectl, "uncordon", NODE], check=True, capture_output=True)

    assert code == 0, output
    # While the Pod starts, the second command waits for it.
    assert user.commands[0] == f"{shlex.join(access.kubectl)} uncordon {NODE}"
    assert user.commands[1:] in ([], [UP])


@pytest.mark.parametrize(
    ("state", "tag"),
    [
        (paused, "node-paused"),
        (truncated, "kubeconfig-lost"),
        (wiped, "kubeconfig-lost"),
        (other_node_port, f"no Service has NodePort {API_NODE_PORT}"),
        (without_forwarder, "node-cut-off"),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_a_state_of_our_own_cluster_is_left_by_what_is_printed(
    user: ShellUser, state: Callable[[ShellUser], contextlib.AbstractContextManager[None]], tag: str
) -> None:
    with state(user):
        user.repair(_named(user, tag))
        code, output = user.attach()

    assert code == 0, output
    assert user.commands == [UP]


def test_a_paused_node_of_somebody_else_s(other_user: ShellUser) -> None:
    with paused(other_user):
        fix = _named(other_user, "node-paused")
        refused, output = other_user.run(*shlex.split(UP))
        other_user.repair(fix)

    assert refused == 1
    assert f"use it unchanged: docker unpause {NODE} && pytest --dev-stack" in output
    assert other_user.commands == [f"docker unpause {NODE}"]


def test_a_node_port_of_somebody_else_s_that_was_changed(other_user: ShellUser) -> None:
    with other_node_port(other_user):
        other_user.repair(_named(other_user, f"no Service has NodePort {API_NODE_PORT}"))

    assert len(other_user.commands) == 1
    assert other_user.commands[0].startswith("kubectl --kubeconfig ")


def test_a_directory_in_kubeconfig_and_then_no_file_at_all(other_user: ShellUser) -> None:
    """The second command writes the file at the path that the first one sets."""
    (other_user.directory / "home" / ".kube" / "config").unlink()
    other_user.environment["KUBECONFIG"] = str(other_user.directory)

    other_user.repair(_named(other_user, "kubeconfig-lost"))

    assert other_user.commands == ["unset KUBECONFIG", f"kind export kubeconfig --name {WARM_CLUSTER}"]


def test_another_engine_than_the_node_s(user: ShellUser, tmp_path: Path) -> None:
    """The other engine has no such container. No printed command may stop the forwarders of the real node."""
    docker = tmp_path / "bin" / "docker"
    docker.parent.mkdir()
    docker.write_text('#!/bin/sh\ntest -n "$DOCKER_HOST" || exec ' + str(shutil.which("docker")) + ' "$@"\n')
    docker.chmod(0o755)
    user.environment["PATH"] = f"{docker.parent}{os.pathsep}{os.environ['PATH']}"
    with serving(tmp_path) as engine:
        user.environment["DOCKER_HOST"] = engine.address

        code, doctor = user.run("plexdev", "doctor")
        refused, output = user.run(*shlex.split(UP))
        user.run_fix(fix_of(output))

    assert code == refused == 1
    assert "engine-elsewhere" in doctor
    assert not re.search(r"\bkill\b|docker (stop|rm|kill)", doctor + output)
    assert user.commands == ["unset DOCKER_HOST"]
    assert user.run(*shlex.split(UP))[0] == 0


def test_down_with_podman_for_kind_takes_no_time_for_it(user: ShellUser) -> None:
    user.environment |= {"KIND_EXPERIMENTAL_PROVIDER": "podman", "PLEXDEV_STATE_DIR": str(user.directory / "none")}

    code, output = user.run("plexdev", "down", "--stack", "kind")

    assert code == 0
    assert "is preserved" in output


@pytest.mark.skipif(WAS_THERE, reason="the warm cluster was there before: its data stays")
def test_a_removed_node_whose_name_another_container_took(user: ShellUser) -> None:
    """It is created again with KIND_EXPERIMENTAL_PROVIDER=podman in the environment, which is ignored."""
    _docker("rm", "-f", "-v", NODE)
    assert _named(user, "node-gone") == UP
    _docker("run", "-d", "--name", NODE, read_pins()["busybox"].reference, "sleep", "600")
    user.environment["KIND_EXPERIMENTAL_PROVIDER"] = "podman"
    try:
        fix = _named(user, "node-name-taken")
        refused, output = user.run(*shlex.split(UP))
        user.repair(fix)

        assert refused == 1
        assert "plexdev[node-name-taken]: " in output
        assert user.commands == [f"docker rename {NODE} {NODE}-other && {UP}"]
        running = _docker("inspect", "--format", "{{.State.Running}}", f"{NODE}-other")
        assert running == "true", "a other_user's container was stopped"
    finally:
        subprocess.run(["docker", "rm", "-f", f"{NODE}-other"], capture_output=True, check=False)


def _named(user: ShellUser, tag: str) -> str:
    """The printed command. The doctor names the state; status and attaching print the same command."""
    code, doctor = user.run("plexdev", "doctor")
    assert code == 1, doctor
    assert tag in doctor
    code, status = user.status
    assert code == 1, status
    code, attaching = user.attach()
    assert code == 1, attaching
    assert fix_of(attaching) == fix_of(status)
    return fix_of(status)


def _docker(*words: str) -> str:
    return subprocess.run(["docker", *words], check=True, capture_output=True, text=True).stdout.strip()
