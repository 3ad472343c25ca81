"""A warm embedded stack for each module, and its state directory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_plexdev.core.model import StackInfo
from pytest_plexdev.stack.embedded import EmbeddedProvider, EmbeddedSettings
from pytest_plexdev.stack.embedded.settings import WARM_ID


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="module")
def stack(state: Path) -> Iterator[StackInfo]:
    """A warm stack in the place where `plexdev up` creates one, on ports chosen by the kernel."""
    provider = EmbeddedProvider(EmbeddedSettings(id=WARM_ID), state / WARM_ID)
    info = provider.up(lambda _: None).info
    yield info
    provider.down(info)


@pytest.fixture
def state_directory(state: Path) -> Path:
    return state


@pytest.fixture(autouse=True)
def _its_state(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Without `project`: the commands run in this process, and pytester unloads modules that a test imported.
    monkeypatch.setenv("PLEXDEV_STATE_DIR", str(state))
    monkeypatch.setenv("KUBECONFIG", str(state / "no-kubeconfig"))
