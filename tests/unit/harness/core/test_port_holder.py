"""The process behind a port, its stack, and the command that stops it, unless it belongs to someone else."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from pytest_plexdev.core import port_holder
from pytest_plexdev.core.model import KEPT_MARK
from pytest_plexdev.core.ownership.mark import MARK
from pytest_plexdev.core.port_holder import holder_of
from pytest_plexdev.core.port_reservation import OTHER_PORTS, reserve
from pytest_plexdev.errors import PORT_TAKEN, PlexdevError

LISTEN = "import socket; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True); input()"


@contextmanager
def server_of(directory: Path, words: Sequence[str] = ()) -> Iterator[tuple[int, int]]:
    """The port and the pid of a program whose log is in the directory of a stack."""
    (directory / "logs").mkdir(parents=True)
    (directory / MARK).touch()
    with (
        (directory / "logs" / "plexsphere.log").open("wb") as log,
        subprocess.Popen(
            [sys.executable, "-S", "-c", LISTEN, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
        ) as process,
    ):
        assert process.stdout is not None
        yield int(process.stdout.readline()), process.pid
        process.communicate(b"\n")


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PLEXDEV_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state"


def test_your_own_warm_stack(state: Path) -> None:
    with server_of(state / "warm") as (port, pid):
        holder = holder_of(port)

    assert holder.words == f"your embedded stack (pid {pid}, in {state}/warm)"
    assert holder.stop == "plexdev down --stack embedded"
    assert holder.is_warm_stack


def test_one_of_another_state_directory(state: Path, tmp_path: Path) -> None:
    with server_of(tmp_path / "an other" / "warm") as (port, pid), pytest.raises(PlexdevError) as refusal:
        reserve(port, purpose="the API")

    where = f"(pid {pid}, in {tmp_path}/an other/warm)"
    assert refusal.value.facts["holder"] == f"the embedded stack of another state directory {where}"
    end = f"PLEXDEV_STATE_DIR='{tmp_path}/an other' plexdev down --stack embedded"
    assert str(refusal.value).endswith(f"fix: {end}; or {OTHER_PORTS}")


def test_one_that_a_run_kept_and_one_of_a_run_that_goes_on(state: Path, tmp_path: Path) -> None:
    with server_of(tmp_path / "kept") as (port, _):
        (tmp_path / "kept" / KEPT_MARK).touch()
        assert holder_of(port).stop == f"plexdev down --directory {tmp_path}/kept"
    with server_of(tmp_path / "run") as (port, _):
        assert holder_of(port).stop == ""
        assert "a test run, which ends with it" in holder_of(port).words


def test_another_users_stack_is_named_and_not_ended(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with server_of(state / "warm") as (port, _):
        monkeypatch.setattr(os, "geteuid", lambda: 4_000_000)
        holder = holder_of(port)

    assert holder.words.startswith("an embedded stack of ")
    assert holder.stop == ""


def test_a_strangers_process_is_named_and_not_ended(state: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(PlexdevError) as refusal:
        reserve(listener.getsockname()[1], purpose="the API")

    assert refusal.value.failure is PORT_TAKEN
    assert f"(pid {os.getpid()})" in str(refusal.value)
    assert str(refusal.value).endswith(f"fix: {OTHER_PORTS}")


def test_a_file_called_like_a_log_does_not_make_a_stack(state: Path, tmp_path: Path) -> None:
    with server_of(tmp_path / "x") as (port, _):
        (tmp_path / "x" / MARK).unlink()
        assert port_holder.holder_of(port).stop == ""


def test_a_stack_of_another_state_directory_that_was_deleted(state: Path, tmp_path: Path) -> None:
    other, words = tmp_path / "other" / "warm", ("plexsphere_reference",)
    with server_of(other, words) as (port, _):
        shutil.rmtree(other)
        assert holder_of(port).stop == f"PLEXDEV_STATE_DIR={tmp_path}/other plexdev down --stack embedded"
    with server_of(other) as (port, _):
        shutil.rmtree(other)
        assert holder_of(port).stop == ""


def test_an_open_connection_holds_the_port_of_a_closed_listener() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        address = listener.getsockname()
        with socket.create_connection(address), listener.accept()[0]:
            listener.close()

            assert holder_of(address[1]).pid == os.getpid()
