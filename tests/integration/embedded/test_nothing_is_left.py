"""A stack leaves nothing, however it ends: no process, port, socket, shared memory or directory."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from pytest_plexdev.stack.embedded import EmbeddedSettings
from pytest_plexdev.stack.embedded.owner import SUPERVISOR
from tests.support.embedded import Bench, StartOwner, TracesOf, WithPrograms, database_of, pid_of
from tests.support.ended_stack import AT_ONCE
from tests.support.waiting import until


def test_down_ends_everything_at_once(bench: Bench, settings: EmbeddedSettings, traces_of: TracesOf) -> None:
    info = bench.up(settings)
    traces = traces_of(bench.directory)
    assert len(traces.processes) > 5
    assert len(traces.ports) >= 4

    began = time.monotonic()
    bench.provider(settings).down(info)

    assert time.monotonic() - began < AT_ONCE
    assert traces.left() == []


def test_down_of_a_stack_that_is_gone_is_fine(bench: Bench, settings: EmbeddedSettings) -> None:
    info = bench.up(settings)
    bench.provider(settings).down(info)
    bench.provider(settings).down(info)


def test_owner_killed(
    bench: Bench, settings: EmbeddedSettings, start_owner: StartOwner, traces_of: TracesOf, tmp_path: Path
) -> None:
    run_directory = tmp_path / "run"
    run_directory.mkdir()
    owner = start_owner(replace(settings, run_directory=run_directory))
    owner.wait_for("THE STACK IS UP")
    traces = traces_of(bench.directory)

    owner.process.kill()

    assert traces.left_after(AT_ONCE) == []
    assert not run_directory.exists()


def test_owner_killed_in_the_middle_of_bring_up(
    bench: Bench, with_programs: WithPrograms, start_owner: StartOwner, traces_of: TracesOf
) -> None:
    owner = start_owner(with_programs(api="silent"))
    owner.wait_for("PhaseEnded(phase=Phase(name='plexsphere-bootstrap'")
    traces = traces_of(bench.directory)

    owner.process.kill()

    assert traces.left_after(AT_ONCE) == []


def test_plexdev_up_killed_in_the_middle(
    bench: Bench, with_programs: WithPrograms, start_owner: StartOwner, traces_of: TracesOf
) -> None:
    # A warm stack has no owner, but until it is ready its requester waits for it.
    asker = start_owner(replace(with_programs(api="silent"), id="warm"))
    asker.wait_for("PhaseEnded(phase=Phase(name='plexsphere-bootstrap'")
    traces = traces_of(bench.directory)

    asker.process.kill()

    assert traces.left_after(AT_ONCE) == []


@pytest.mark.parametrize(
    "moment", ["PhaseBegan(name='template')", "PhaseEnded(phase=Phase(name='plexsphere-bootstrap'"]
)
def test_ctrl_c_in_the_middle_of_bring_up(
    bench: Bench, with_programs: WithPrograms, start_owner: StartOwner, traces_of: TracesOf, moment: str
) -> None:
    owner = start_owner(with_programs(api="silent"))
    owner.wait_for(moment)
    traces = traces_of(bench.directory)

    owner.process.send_signal(signal.SIGINT)

    owner.process.wait(AT_ONCE)
    assert [left for left in traces.left() if left != bench.directory] == []


def test_supervisor_killed(bench: Bench, settings: EmbeddedSettings, traces_of: TracesOf) -> None:
    info = bench.up(settings)
    traces = traces_of(bench.directory)
    supervisor = SUPERVISOR.find(bench.directory)
    assert supervisor is not None

    with supervisor:
        supervisor.send(signal.SIGKILL)

    until(lambda: not any(process.is_alive for process in traces.processes), within_s=AT_ONCE)
    assert [left for left in traces.left() if left in traces.processes or left in traces.ports] == []
    assert traces.segments & set(traces.left()) == set()
    bench.provider(settings).down(info)
    assert traces.left() == []


def test_postgres_killed_leaves_no_shared_memory(bench: Bench, settings: EmbeddedSettings, traces_of: TracesOf) -> None:
    info = bench.up(settings)
    traces = traces_of(bench.directory)
    assert traces.segments
    os.kill(pid_of(info, "postgres"), signal.SIGKILL)

    bench.provider(settings).down(info)

    assert traces.left() == []


def test_an_open_connection_does_not_hold_up_the_end(
    bench: Bench, settings: EmbeddedSettings, traces_of: TracesOf
) -> None:
    info = bench.up(settings)
    traces = traces_of(bench.directory)
    connection = psycopg.connect(database_of(info))
    connection.execute("CREATE TABLE kept AS SELECT 1")

    began = time.monotonic()
    bench.provider(settings).down(info)

    assert time.monotonic() - began < AT_ONCE
    assert traces.left() == []
    with pytest.raises(psycopg.OperationalError):
        connection.execute("SELECT 1")
    connection.close()
