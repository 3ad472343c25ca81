"""The warm stack: found by its files, brought up once; and the errors of `plexdev up`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest

from pytest_plexdev.cli import main
from pytest_plexdev.core.deployment import seed_file
from pytest_plexdev.core.model import StackInfo
from pytest_plexdev.core.ownership.mark import MARK
from pytest_plexdev.core.progress import ProgressEvent
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.stack.embedded import EmbeddedSettings
from pytest_plexdev.stack.embedded.warm import bring_up_warm, find_warm, warm_directory
from tests.support.embedded import Bench, WithPrograms, pid_of


def test_the_second_to_bring_it_up_finds_the_first(warm: StackInfo, settings: EmbeddedSettings) -> None:
    began = time.monotonic()
    found, is_new = bring_up_warm(replace(settings, id="warm"), lambda event: None)

    assert (found, is_new) == (warm, False)
    assert time.monotonic() - began < 2  # nothing was brought up


def test_a_kept_stack_outlives_its_owner(kept: StackInfo, settings: EmbeddedSettings, bench: Bench) -> None:
    time.sleep(0.3)  # there is no event for something that does not happen
    assert {verdict.state for verdict in bench.provider(settings).verdicts(kept)} == {"ready"}
    assert main.main(["down", "--directory", str(bench.directory)]) == 0
    assert {verdict.state for verdict in bench.provider(settings).verdicts(kept)} == {"gone"}


@pytest.mark.parametrize(
    ("number", "code", "ended"),
    [
        (signal.SIGTERM, 143, "plexdev: ended by SIGTERM"),
        (signal.SIGHUP, 129, "plexdev: ended by SIGHUP"),
        (signal.SIGINT, 130, "plexdev: interrupted"),
    ],
)
def test_a_bring_up_that_a_signal_ends_says_what_it_took_back(
    state: Path, number: signal.Signals, code: int, ended: str
) -> None:
    command = [sys.executable, "-m", "pytest_plexdev.cli", "up", "--port", "0", "--idp-port", "0"]

    def restore_signal() -> None:
        signal.signal(number, signal.SIG_DFL)  # nohup ignores SIGHUP

    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=restore_signal) as process:
        assert process.stderr is not None
        first = process.stderr.readline()
        process.send_signal(number)
        *_, last = process.stderr.read().splitlines()

    assert "ready after" in first
    assert process.returncode == code
    assert last == f"{ended}; what had started of the embedded stack is stopped, and its files are removed"
    assert not warm_directory(state).exists()


def test_finding_takes_milliseconds_and_no_connection(warm: StackInfo) -> None:
    began = time.perf_counter()
    assert find_warm() == warm
    assert time.perf_counter() - began < 0.5


def test_none_is_found_where_there_is_none_or_it_was_killed(state: Path, warm: StackInfo) -> None:
    supervisor = json.loads((warm_directory() / MARK).read_text())["pid"]
    os.kill(supervisor, signal.SIGKILL)
    deadline = time.monotonic() + 2
    while find_warm() is not None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert find_warm() is None
    assert find_warm(state / "elsewhere") is None


def test_up_of_a_stack_that_is_not_whole_says_so(warm: StackInfo, capsys: pytest.CaptureFixture[str]) -> None:
    os.kill(pid_of(warm, "plexsphere"), signal.SIGKILL)
    time.sleep(0.2)
    assert main.main(["up"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("plexdev[stack-broken]: the running stack is incomplete: plexsphere is gone\n")
    assert "why: plexsphere: ended with SIGKILL: something outside the stack killed it" in error
    assert "fix: plexdev down --stack embedded && plexdev up" in error


def test_up_notes_what_another_preference_would_change(
    warm: StackInfo, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spicedb = tmp_path / "spicedb"
    spicedb.write_text("#!/bin/sh\n")
    spicedb.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert main.main(["up", "--prefer", "stand-in"]) == 0
    assert "note" not in capsys.readouterr().out
    assert main.main(["up"]) == 0
    assert capsys.readouterr().out.endswith(
        "  note       a new stack would have another spicedb:\n"
        "             plexdev down --stack embedded && plexdev up\n"
    )


@pytest.mark.parametrize("seconds", ["-5", "0", "soon", "inf"])
def test_a_timeout_must_be_one(state: Path, capsys: pytest.CaptureFixture[str], seconds: str) -> None:
    with pytest.raises(SystemExit) as caught:
        main.main(["up", f"--timeout={seconds}"])
    assert caught.value.code == 2
    assert f"argument --timeout: {seconds}: must be a number of seconds above 0" in capsys.readouterr().err


def test_a_failed_up_leaves_only_the_log_that_it_names(state: Path, with_programs: WithPrograms) -> None:
    broken = replace(with_programs(signer="broken"), id="warm")
    with pytest.raises(PlexdevError) as caught:
        bring_up_warm(broken, lambda event: None)
    assert Path(str(caught.value.facts["log"])).exists()

    with pytest.raises(KeyboardInterrupt):
        bring_up_warm(broken, _interrupted)
    assert not warm_directory().exists()


def _interrupted(event: ProgressEvent) -> NoReturn:
    raise KeyboardInterrupt


def test_a_state_directory_that_cannot_be_written_is_said(
    state: Path, settings: EmbeddedSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    state.write_text("not a directory")
    assert main.main(["up"]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"plexdev[state-unwritable]: the state directory {state} is not writable: ")
    assert "PLEXDEV_STATE_DIR=/some/directory" in error
    state.unlink()


def test_up_names_the_holder_of_a_taken_port(
    state: Path, settings: EmbeddedSettings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # The default ports may be in use on this machine, so two others replace them.
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setattr("pytest_plexdev.stack.embedded.settings.API_PORT", taken.getsockname()[1])
        assert main.main(["up", "--prefer", "stand-in"]) == 1
    error = capsys.readouterr().err
    assert "plexdev[port-taken]" in error
    assert f"(pid {os.getpid()})" in error


def test_a_bring_up_tells_its_progress_beside_the_object(
    state: Path, settings: EmbeddedSettings, capsys: pytest.CaptureFixture[str], with_programs: WithPrograms
) -> None:
    assert main.main(["up", "--json", "--port", "0", "--idp-port", "0", "--prefer", "stand-in"]) == 0

    printed = capsys.readouterr()
    assert json.loads(printed.out)["result"]["new"] is True
    events = [json.loads(line)["event"] for line in printed.err.splitlines()]
    assert {"PhaseBegan", "PhaseEnded"} <= set(events)


def test_up_uses_the_given_seed_and_notes_a_running_other_one(
    state: Path, tmp_path: Path, settings: EmbeddedSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = tmp_path / "a seed.yaml"
    seed.write_text(seed_file().read_text().replace("slug: beta-llc", "slug: delta-llc"))
    up = ["up", "--port", "0", "--idp-port", "0", "--prefer", "stand-in"]

    assert main.main([*up, "--seed", str(seed), "--json"]) == 0
    stack = json.loads(capsys.readouterr().out)["result"]["stack"]
    assert [tenant["slug"] for tenant in stack["tenants"]] == ["acme-corp", "delta-llc", "gamma-coop"]
    assert main.main([*up, "--seed", str(seed)]) == 0
    assert "note" not in capsys.readouterr().out
    assert main.main(up) == 0
    assert capsys.readouterr().out.endswith(
        "would have another seed:\n"
        "             plexdev down --stack embedded && plexdev up --prefer stand-in --port 0 --idp-port 0\n"
    )


@pytest.mark.parametrize("stack", ["embedded", "kind"])
def test_an_unusable_seed_is_refused_before_anything_starts(
    state: Path, tmp_path: Path, stack: str, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "list.yaml").write_text("[1, 2]")

    for name, reason in (
        ("none.yaml", "No such file or directory"),
        ("pipe", "it is not a regular file, and it is read more than once"),
        (".", "it is not a regular file, and it is read more than once"),
        ("list.yaml", "line 1: expected `object`, got `array`"),
    ):
        assert main.main(["up", "--stack", stack, "--seed", str(tmp_path / name)]) == 1
        output = capsys.readouterr().err
        assert f"plexdev[seed-unusable]: the seed manifest {tmp_path / name} cannot be used: {reason}" in output
        assert "why: it comes from --seed; nothing was started" in output
    assert not state.exists()
