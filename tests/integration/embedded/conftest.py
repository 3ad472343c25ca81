"""Fixtures for embedded stacks with a fake control plane. Postgres, NATS and the supervisor are real."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_plexdev.core.model import KEPT_MARK, StackInfo
from pytest_plexdev.stack.embedded import EmbeddedSettings
from pytest_plexdev.stack.embedded.launch import end
from pytest_plexdev.stack.embedded.settings import SupervisorInput
from pytest_plexdev.stack.embedded.warm import bring_up_warm, warm_directory
from tests.support.checkout import ROOT
from tests.support.embedded import PROGRAMS, Bench, Owner, StartOwner, Traces, TracesOf, WithPrograms, fakes
from tests.support.immutable import immutable_files


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache for the whole session."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def with_programs(settings: EmbeddedSettings) -> WithPrograms:
    """Returns settings with other fake programs: ``with_programs(api="broken")``."""

    def change(**kinds: str) -> EmbeddedSettings:
        return replace(settings, programs=fakes(**kinds))

    return change


@pytest.fixture
def settings(cache: Path) -> EmbeddedSettings:
    return EmbeddedSettings(id="test", prefer="stand-in", cache=cache, programs=fakes(), timeout=30)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path / "stack", [])
    yield bench
    end(bench.directory)


@pytest.fixture
def start_owner(bench: Bench) -> Iterator[StartOwner]:
    owners: list[Owner] = []

    def start(settings: EmbeddedSettings, *, prepare: Callable[[], None] | None = None) -> Owner:
        process = subprocess.Popen(
            [sys.executable, str(PROGRAMS / "owner.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            preexec_fn=prepare,
        )
        assert process.stdin is not None
        with process.stdin as orders:
            orders.write(SupervisorInput(settings, bench.directory).encode().decode())
        owners.append(Owner(process))
        return owners[-1]

    yield start
    for owner in owners:
        owner.process.kill()
        owner.process.wait()
        assert owner.process.stdout is not None
        owner.process.stdout.close()


@pytest.fixture
def kept(settings: EmbeddedSettings, bench: Bench, start_owner: StartOwner) -> StackInfo:
    """A stack that is kept, and whose owner was killed."""
    owner = start_owner(settings)
    owner.wait_for("THE STACK IS UP")
    (bench.directory / KEPT_MARK).touch()
    owner.process.kill()
    owner.process.wait()
    return StackInfo.read(bench.directory / "stack.json")


@pytest.fixture
def traces_of() -> TracesOf:
    return Traces.of


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    state = tmp_path / "state"
    monkeypatch.setenv("PLEXDEV_STATE_DIR", str(state))
    # Hides the developer's own cluster.
    monkeypatch.setenv("KUBECONFIG", str(state / "no-kubeconfig"))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{state}/no-docker.sock")
    yield state
    end(warm_directory(state))


@pytest.fixture
def warm(state: Path, settings: EmbeddedSettings) -> StackInfo:
    info, _ = bring_up_warm(replace(settings, id="warm"), lambda event: None)
    return info


@pytest.fixture
def immutable() -> Iterator[Callable[[Path], None]]:
    """Makes a file undeletable until the end of the test."""
    with immutable_files() as make_immutable:
        yield make_immutable
