"""The identity of processes, and signals to them."""

from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_plexdev.core.port_holder import holder_of
from pytest_plexdev.core.port_reservation import reserve
from pytest_plexdev.core.process_id import ProcessHandle, ProcessId, describe, first_ended
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.stack.embedded.processes.child import describe_status, last_lines


def test_a_process_is_itself_and_alive() -> None:
    me = ProcessId.of(os.getpid())
    assert me == ProcessId.of(os.getpid())
    assert me.is_alive


def test_another_start_time_is_another_process() -> None:
    me = ProcessId.of(os.getpid())
    assert not ProcessId(me.pid, me.started - 1).is_alive


def test_an_ended_process_is_not_alive_before_it_is_waited_for() -> None:
    process = subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE)
    identity = ProcessId.of(process.pid)
    running = identity.is_alive
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    ended = identity.is_alive
    process.communicate()
    waited_for = identity.is_alive

    assert (running, ended, waited_for) == (True, False, False)


def test_an_end_is_noticed_with_more_than_1024_open_files() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 2048), hard))
    opened = [os.open(os.devnull, os.O_RDONLY) for _ in range(1200)]
    try:
        with subprocess.Popen(["sleep", "60"]) as process, handle_of(process) as handle:
            assert handle.descriptor is not None
            assert handle.descriptor > 1023
            was_alive = handle.process.is_alive
            process.kill()
            assert handle.wait(60)
        assert was_alive
    finally:
        for descriptor in opened:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(params=["pidfd", "proc"])
def handles(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With pidfds, and on a kernel without them."""
    if request.param == "proc":
        monkeypatch.delattr(os, "pidfd_open")


@pytest.mark.usefixtures("handles")
def test_the_first_to_end_is_told_and_nobody_else() -> None:
    with subprocess.Popen(["sleep", "60"]) as staying, subprocess.Popen(["sleep", "60"]) as going:
        with handle_of(staying) as one, handle_of(going) as other:
            nobody = first_ended([one, other], 0.05)
            other.send(signal.SIGTERM)
            first = first_ended([one, other], 60)
            still = one.wait(0)
        staying.kill()
    other.send(signal.SIGTERM)  # has no effect

    assert (nobody, first, still) == (None, other, False)
    assert going.returncode == -signal.SIGTERM


@pytest.mark.usefixtures("handles")
def test_a_lack_of_descriptors_is_not_taken_for_an_ended_process() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    me = ProcessId.of(os.getpid())
    next_one = os.open(os.devnull, os.O_RDONLY)
    os.close(next_one)
    resource.setrlimit(resource.RLIMIT_NOFILE, (next_one, hard))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            me.open()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def handle_of(process: subprocess.Popen[bytes]) -> ProcessHandle:
    handle = ProcessId.of(process.pid).open()
    assert handle is not None
    return handle


def test_no_such_process() -> None:
    with pytest.raises(ProcessLookupError):
        ProcessId.of(2**22 + 1)


@pytest.mark.parametrize(
    ("status", "words"), [(0, "exit status 0"), (7, "exit status 7"), (-9, "SIGKILL"), (-250, "signal 250")]
)
def test_a_status_in_words(status: int, words: str) -> None:
    assert describe_status(status) == words


def test_last_lines(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert last_lines(log) == ""
    log.write_bytes(b"".join(b"line %d \xff\n" % number for number in range(5000)))
    assert last_lines(log, 2) == "line 4998 \ufffd\nline 4999 \ufffd"


def test_a_listening_port_answers_and_a_held_port_refuses() -> None:
    ours, held = reserve(purpose="a test"), reserve(purpose="a test")
    ours.listen()
    with socket.socket() as client:
        assert client.connect_ex(("127.0.0.1", ours.number)) == 0
    with socket.socket() as client:
        assert client.connect_ex(("127.0.0.1", held.number)) != 0
    ours.release()
    held.release()


def test_a_server_binds_where_a_port_is_held_for_it() -> None:
    held = reserve(purpose="a test")
    with socket.create_server(("127.0.0.1", held.number)) as server, socket.socket() as client:
        assert client.connect_ex(("127.0.0.1", held.number)) == 0
        assert server.getsockname()[1] == held.number
    held.release()


def test_a_taken_port_is_refused_with_its_purpose_and_holder() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(PlexdevError, match=rf"port {port} for the API is taken by .*\(pid {os.getpid()}\)"):
            reserve(port, purpose="the API")


def test_a_program_of_another_stack_is_called_that() -> None:
    argv = [sys.executable, "-S", "-c", "print('up', flush=True); input()", "plexsphere_reference", "api"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        # Read its arguments once it runs, and not between fork and exec.
        assert process.stdout is not None
        process.stdout.readline()
        assert describe(process.pid) == f"another plexdev stack (plexsphere_reference, pid {process.pid})"
        process.communicate(b"\n")


def test_the_holder_of_a_port_that_nobody_listens_on() -> None:
    held = reserve(purpose="a test")
    assert holder_of(held.number).words == "a process that bound it without listening"
    held.release()
