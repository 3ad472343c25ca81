"""Projects that a user could have, and pytest runs over them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture
def state_directory(tmp_path: Path) -> Path:
    """Where the warm stack of the project's user is; there is none by default."""
    return tmp_path / "state"


@pytest.fixture(scope="session")
def cache_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that the first stack of the session fills: pytester gives every test another home."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def project(
    pytester: pytest.Pytester, state_directory: Path, cache_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> pytest.Pytester:
    """A project with one test that needs no stack, a state directory of its own, and nothing chosen around it."""
    for name in [name for name in os.environ if name.startswith(("DEV_STACK", "PLEXDEV_", "PYTEST_ADDOPTS"))]:
        monkeypatch.delenv(name)
    # The developer's own cluster is not the project's.
    monkeypatch.setenv("KUBECONFIG", str(state_directory / "no-kubeconfig"))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{state_directory}/no-docker.sock")
    monkeypatch.setenv("PLEXDEV_STATE_DIR", str(state_directory))
    monkeypatch.setenv("PLEXDEV_CACHE_DIR", str(cache_directory))
    pytester.makeini("[pytest]\nfilterwarnings = error\n")
    pytester.makepyfile(test_plain="def test_plain():\n    pass\n")
    return pytester
