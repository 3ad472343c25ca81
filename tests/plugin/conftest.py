"""Fixtures for projects of a user in which pytest runs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

FOREIGN = ("DEV_STACK", "PLEXDEV_", "PYTEST_ADDOPTS", "GITHUB_", "GITLAB_CI")
"""Beginnings of the names of variables that change what a run does or prints."""


@pytest.fixture
def state_directory(tmp_path: Path) -> Path:
    """The state directory of the project's user. By default it has no warm stack."""
    return tmp_path / "state"


@pytest.fixture(scope="session")
def cache_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache for the whole session, because pytester sets another home directory for each test."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def project(
    pytester: pytest.Pytester, state_directory: Path, cache_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> pytest.Pytester:
    """A project with one test that needs no stack, with its own state directory and without variables of plexdev."""
    for name in [name for name in os.environ if name.startswith(FOREIGN)]:
        monkeypatch.delenv(name)
    # Hides the developer's own cluster.
    monkeypatch.setenv("KUBECONFIG", str(state_directory / "no-kubeconfig"))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{state_directory}/no-docker.sock")
    monkeypatch.setenv("PLEXDEV_STATE_DIR", str(state_directory))
    monkeypatch.setenv("PLEXDEV_CACHE_DIR", str(cache_directory))
    pytester.makeini("[pytest]\nfilterwarnings = error\n")
    pytester.makepyfile(test_plain="def test_plain():\n    pass\n")
    return pytester


@pytest.fixture
def temporary(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The directory for temporary files of the project's runs alone; its path is short, for sockets."""
    directory = Path("/tmp") / f"pt-{os.getpid()}-{os.urandom(3).hex()}"
    directory.mkdir()
    monkeypatch.setenv("TMPDIR", str(directory))
    yield directory
    shutil.rmtree(directory)
