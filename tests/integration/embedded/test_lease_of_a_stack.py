"""The lease over a real supervisor: several processes of one run, some of which die."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_plexdev.lease import Lease
from pytest_plexdev.stack.embedded import EmbeddedProvider
from pytest_plexdev.stack.embedded.provider import end
from pytest_plexdev.stack.embedded.settings import Order
from pytest_plexdev.stack.embedded.state import verdicts
from pytest_plexdev.stack.processes import ProcessId

_WORKER = """
import os, sys
from pathlib import Path
from pytest_plexdev.lease import Lease
from pytest_plexdev.stack.embedded import EmbeddedProvider
from pytest_plexdev.stack.embedded.settings import Order
order = Order.decode(sys.stdin.buffer.read())
lease = Lease(run_directory=order.directory, provider_factory=lambda at: EmbeddedProvider(order.settings, at))
def progress(event):
    print(event, flush=True)
print("stack", lease.acquire(progress).endpoints.api, flush=True)
"""


@pytest.fixture
def run_directory(tmp_path):
    return tmp_path / "run"


@pytest.fixture
def owned(settings):
    return replace(settings, owner=ProcessId.of(os.getpid()))


@pytest.fixture
def lease(run_directory, owned):
    lease = Lease(run_directory=run_directory, provider_factory=lambda at: EmbeddedProvider(owned, at))
    yield lease
    lease.release(failed=False)


def start_worker(settings, run_directory):
    worker = subprocess.Popen(
        [sys.executable, "-c", _WORKER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    )
    with worker.stdin as orders:
        orders.write(Order(settings, run_directory).encode().decode())
    return worker


def _words_of(worker):
    with worker.stdout as words:
        said = words.read()
    worker.wait(10)
    return said


def test_four_workers_share_one_bring_up(lease, owned, run_directory):
    workers = [start_worker(owned, run_directory) for _ in range(4)]
    said = [_words_of(worker).splitlines() for worker in workers]

    assert sorted(len(lines) > 1 for lines in said) == [False, False, False, True]
    assert {lines[-1] for lines in said} == {f"stack {lease.peek().endpoints.api}"}


def test_a_worker_that_dies_in_the_middle_is_replaced(lease, owned, run_directory, with_programs):
    silent = replace(with_programs(api="silent"), owner=owned.owner)
    worker = start_worker(silent, run_directory)
    while "bootstrap" not in worker.stdout.readline():
        pass
    worker.send_signal(signal.SIGKILL)
    _words_of(worker)

    began = time.monotonic()
    info = lease.acquire(lambda event: None)

    assert time.monotonic() - began < 5
    assert {verdict.state for verdict in EmbeddedProvider(owned, info.directory).state(info)} == {"ready"}


def test_release_leaves_nothing_at_once(lease, run_directory, traces_of):
    info = lease.acquire(lambda event: None)
    traces = traces_of(info.directory)

    began = time.monotonic()
    assert lease.release(failed=True) is None

    assert time.monotonic() - began < 4  # it is forced after 5
    assert traces.left() == []
    assert list(run_directory.iterdir()) == []
    assert lease.release(failed=True) is None


def test_a_kept_stack_is_marked_and_given_to_the_caller(lease):
    kept = replace(lease, keep="on-failure")
    info = kept.acquire(lambda event: None)

    try:
        assert kept.release(failed=True) == info
        assert (info.directory / "kept").exists()
        assert kept.release(failed=False) is None
        assert {verdict.state for verdict in verdicts(info)} == {"ready"}
    finally:
        end(info.directory)
