"""The lease with a real supervisor: several processes of one run, some of which are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_plexdev.core.ownership.mark import MARK
from pytest_plexdev.core.process_id import ProcessId
from pytest_plexdev.session.lease import Lease
from pytest_plexdev.stack.embedded import EmbeddedProvider, EmbeddedSettings
from pytest_plexdev.stack.embedded.health import verdicts
from pytest_plexdev.stack.embedded.launch import end
from pytest_plexdev.stack.embedded.settings import SupervisorInput
from tests.support.embedded import TracesOf, WithPrograms

_WORKER = """
import os, sys
from pathlib import Path
from pytest_plexdev.session.lease import Lease
from pytest_plexdev.stack.embedded import EmbeddedProvider
from pytest_plexdev.stack.embedded.settings import SupervisorInput
given = SupervisorInput.decode(sys.stdin.buffer.read())
lease = Lease(run_directory=given.directory, provider_factory=lambda at: EmbeddedProvider(given.settings, at))
def progress(event):
    print(event, flush=True)
print("stack", lease.acquire(progress).endpoints.api, flush=True)
"""


@pytest.fixture
def run_directory(tmp_path: Path) -> Path:
    return tmp_path / "run"


@pytest.fixture
def owned(settings: EmbeddedSettings) -> EmbeddedSettings:
    return replace(settings, owner=ProcessId.of(os.getpid()))


@pytest.fixture
def lease(run_directory: Path, owned: EmbeddedSettings) -> Iterator[Lease]:
    lease = Lease(run_directory=run_directory, provider_factory=lambda at: EmbeddedProvider(owned, at))
    yield lease
    lease.release(failed=False)


def start_worker(settings: EmbeddedSettings, run_directory: Path) -> subprocess.Popen[str]:
    worker = subprocess.Popen(
        [sys.executable, "-c", _WORKER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    )
    assert worker.stdin is not None
    with worker.stdin as orders:
        orders.write(SupervisorInput(settings, run_directory).encode().decode())
    return worker


def _output_of(worker: subprocess.Popen[str]) -> str:
    assert worker.stdout is not None
    with worker.stdout as words:
        output = words.read()
    worker.wait(10)
    return output


def test_four_workers_share_one_bring_up(lease: Lease, owned: EmbeddedSettings, run_directory: Path) -> None:
    workers = [start_worker(owned, run_directory) for _ in range(4)]
    output = [_output_of(worker).splitlines() for worker in workers]

    assert sorted(len(lines) > 1 for lines in output) == [False, False, False, True]
    shared = lease.peek()
    assert shared is not None
    assert {lines[-1] for lines in output} == {f"stack {shared.endpoints.api}"}


def test_a_worker_that_dies_in_the_middle_is_replaced(
    lease: Lease, owned: EmbeddedSettings, run_directory: Path, with_programs: WithPrograms
) -> None:
    silent = replace(with_programs(api="silent"), owner=owned.owner)
    worker = start_worker(silent, run_directory)
    assert worker.stdout is not None
    while "bootstrap" not in worker.stdout.readline():
        pass
    worker.send_signal(signal.SIGKILL)
    _output_of(worker)

    began = time.monotonic()
    info = lease.acquire(lambda event: None)

    assert time.monotonic() - began < 5
    assert {verdict.state for verdict in EmbeddedProvider(owned, info.directory).verdicts(info)} == {"ready"}


def test_release_leaves_nothing_at_once(lease: Lease, run_directory: Path, traces_of: TracesOf) -> None:
    info = lease.acquire(lambda event: None)
    traces = traces_of(info.directory)

    began = time.monotonic()
    assert lease.release(failed=True) is None

    assert time.monotonic() - began < 4  # it is killed after 5 s
    assert traces.left() == []
    assert [path.name for path in run_directory.iterdir()] == [MARK]  # the run's own lock file, which the run removes
    assert lease.release(failed=True) is None


def test_a_kept_stack_is_marked_and_given_to_the_caller(lease: Lease) -> None:
    kept = replace(lease, keep="on-failure")
    info = kept.acquire(lambda event: None)

    try:
        assert kept.release(failed=True) == info
        assert (info.directory / "kept").exists()
        assert kept.release(failed=False) is None
        assert {verdict.state for verdict in verdicts(info)} == {"ready"}
    finally:
        end(info.directory)
