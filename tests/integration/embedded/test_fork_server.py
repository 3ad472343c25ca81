"""A process that starts one stack after the other: its fork server, and what happens without it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_plexdev.core.process_id import ProcessId
from pytest_plexdev.stack.embedded import EmbeddedSettings
from pytest_plexdev.stack.embedded.health import verdicts
from pytest_plexdev.stack.embedded.launch import bring_up
from pytest_plexdev.stack.embedded.launcher import ForkServer
from pytest_plexdev.stack.embedded.owner import SUPERVISOR
from tests.support.embedded import Bench, TracesOf
from tests.support.waiting import until


@pytest.fixture
def fork_server() -> Iterator[ForkServer]:
    server = ForkServer()
    yield server
    server.close()


def supervisor_of(directory: Path) -> int:
    """The pid of the supervisor that owns the stack."""
    supervisor = SUPERVISOR.find(directory)
    assert supervisor is not None
    with supervisor:
        return supervisor.process.pid


def environment_of(pid: int) -> list[str]:
    """What a program of the stack was started with."""
    return Path(f"/proc/{pid}/environ").read_text().split("\0")


def test_a_stack_outlives_the_server_that_started_it(
    bench: Bench, settings: EmbeddedSettings, fork_server: ForkServer, traces_of: TracesOf
) -> None:
    info = bring_up(settings, bench.directory, bench.events.append, fork_server=fork_server)
    assert b"--serve" in Path(f"/proc/{supervisor_of(bench.directory)}/cmdline").read_bytes()
    traces = traces_of(bench.directory)
    fork_server.close()

    assert {verdict.state for verdict in verdicts(info)} == {"ready"}
    bench.provider(settings).down(info)
    assert traces.left() == []


def test_programs_get_the_environment_of_the_moment(
    bench: Bench, settings: EmbeddedSettings, fork_server: ForkServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    info = bring_up(settings, bench.directory, bench.events.append, fork_server=fork_server)

    nats = next(service.pid for service in info.services if service.name == "nats")
    assert nats is not None
    assert "TZ=Pacific/Auckland" in environment_of(nats)


def test_without_the_server_a_supervisor_starts_by_itself(
    bench: Bench, settings: EmbeddedSettings, fork_server: ForkServer
) -> None:
    os.kill(fork_server.pid, signal.SIGKILL)
    info = bring_up(settings, bench.directory, bench.events.append, fork_server=fork_server)

    assert {verdict.state for verdict in verdicts(info)} == {"ready"}
    assert b"--serve" not in Path(f"/proc/{supervisor_of(bench.directory)}/cmdline").read_bytes()


def test_the_server_ends_with_the_process_that_uses_it() -> None:
    reading, writing = os.pipe()
    user = os.fork()
    if not user:
        os.write(writing, str(ForkServer().pid).encode())
        os._exit(0)
    os.waitpid(user, 0)
    process = ProcessId.of(int(os.read(reading, 20)))
    os.close(reading)
    os.close(writing)

    until(lambda: not process.is_alive)
