"""The doctor's target: the named cluster, else the warm one on this machine, else none."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from pytest_plexdev.doctor.target import find_target, unusable
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.kube import Access


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(tmp_path / "home"), "PLEXDEV_STATE_DIR": str(tmp_path / "state")}


def write(path: Path, context: str = "kind-plexsphere", server: str = "https://127.0.0.1:6443") -> Path:
    Access(context=context, kubeconfig=path, server=server, token="t").write_private(path)
    return path


def test_our_own_kubeconfig_comes_first(tmp_path: Path, environment: dict[str, str]) -> None:
    ours = write(tmp_path / "state" / "kind" / "plexsphere" / "kubeconfig")
    write(tmp_path / "home" / ".kube" / "config")

    access = find_target(None, None, environment)

    assert access is not None
    assert access.kubeconfig == ours


def test_the_users_kubeconfigs_are_read_in_their_order(tmp_path: Path, environment: dict[str, str]) -> None:
    other, theirs = write(tmp_path / "a", context="kind-other"), write(tmp_path / "b")

    access = find_target(None, None, {**environment, "KUBECONFIG": f"{other}:{theirs}"})

    assert access is not None
    assert access.kubeconfig == theirs


def test_without_a_warm_cluster_there_is_none(tmp_path: Path, environment: dict[str, str]) -> None:
    write(tmp_path / "home" / ".kube" / "config", context="production")

    assert find_target(None, None, environment) is None


def test_what_cannot_be_used_is_passed_over_and_told(tmp_path: Path, environment: dict[str, str]) -> None:
    (tmp_path / "broken").write_text("kind-plexsphere: [")
    os.mkfifo(tmp_path / "pipe")
    theirs = write(tmp_path / "b")
    files = f"{tmp_path}/broken:{tmp_path}/pipe:{os.devnull}:{tmp_path}/none:{theirs}"
    environment = {**environment, "KUBECONFIG": files}
    access = find_target(None, None, environment)

    assert access is not None
    assert access.kubeconfig == theirs
    assert [(error.facts["path"], error.facts["reason"]) for error in unusable(environment)] == [
        (str(tmp_path / "broken"), "it is not YAML"),
        (str(tmp_path / "pipe"), "it is a pipe or a socket, not a file"),
    ]


def test_a_server_elsewhere_is_looked_at_when_it_is_named_only(tmp_path: Path, environment: dict[str, str]) -> None:
    far = write(tmp_path / "home" / ".kube" / "config", server="https://203.0.113.7:6443")

    assert find_target(None, None, environment) is None
    named = find_target(None, "kind-plexsphere", environment)
    assert named is not None
    assert named.kubeconfig == far


def test_what_was_named_and_is_not_there_is_an_error(tmp_path: Path, environment: dict[str, str]) -> None:
    with pytest.raises(PlexdevError, match="has no context kind-other"):
        find_target(write(tmp_path / "a"), "kind-other", environment)


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="needs kubectl")
def test_the_fix_for_a_missing_context_lists_all_contexts(tmp_path: Path, environment: dict[str, str]) -> None:
    write(tmp_path / "home" / ".kube" / "config", context="kind-other")

    with pytest.raises(PlexdevError) as missing:
        find_target(None, "nope", environment)

    command = str(missing.value).rpartition("fix: ")[2]
    result = subprocess.run(["sh", "-c", command], env={"PATH": os.environ["PATH"]}, capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")
    assert "kind-other" in result.stdout
