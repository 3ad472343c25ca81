"""Fixtures of the tests of the kind stack."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_plexdev.stack.kind.cluster import create
from pytest_plexdev.stack.kind.cluster.cluster_files import ClusterFiles
from tests.support.engine import serving
from tests.support.fake_kind import DOCKER, KIND, FakeKind
from tests.support.node_machines import DOCKER_COMMAND, Machine


@pytest.fixture
def fake_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeKind]:
    programs, state = tmp_path / "bin", tmp_path / "state"
    programs.mkdir()
    state.mkdir()
    for name, script in (("docker", DOCKER), ("kind", KIND)):
        (programs / name).write_text(script.format(state=state))
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    monkeypatch.setattr(create, "_LATE", 3.0)
    with serving(state) as engine:
        monkeypatch.setenv("DOCKER_HOST", engine.address)
        yield FakeKind(state, ClusterFiles("c", tmp_path / "place"), engine)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    docker = tmp_path / "docker"
    docker.mkdir()
    (docker / "docker").write_text(DOCKER_COMMAND.format(state=docker))
    (docker / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{docker}{os.pathsep}/usr/bin{os.pathsep}/bin")
    monkeypatch.setenv("PLEXDEV_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "no-kubeconfig"))
    monkeypatch.setattr(create, "_LATE", 0.0)
    with serving(docker) as engine:
        monkeypatch.setenv("DOCKER_HOST", engine.address)
        yield Machine(docker, engine)
