"""Embedded stacks whose control plane is a fake: Postgres and NATS are real, as is everything that owns them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_plexdev.stack.embedded import EmbeddedSettings
from pytest_plexdev.stack.embedded.launch import end
from pytest_plexdev.stack.embedded.settings import Order
from tests.support.embedded import HERE, ROOT, Bench, Owner, StartOwner, Traces, TracesOf, WithPrograms, fakes


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that the first stack of the session fills."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def with_programs(settings: EmbeddedSettings) -> WithPrograms:
    """The settings with other fakes: ``with_programs(api="broken")``."""

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
            [sys.executable, str(HERE / "owner.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            preexec_fn=prepare,
        )
        assert process.stdin is not None
        with process.stdin as orders:
            orders.write(Order(settings, bench.directory).encode().decode())
        owners.append(Owner(process))
        return owners[-1]

    yield start
    for owner in owners:
        owner.process.kill()
        owner.process.wait()
        assert owner.process.stdout is not None
        owner.process.stdout.close()


@pytest.fixture
def traces_of() -> TracesOf:
    return Traces.of
