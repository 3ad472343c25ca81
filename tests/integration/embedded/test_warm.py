"""The warm stack: found by files, brought up once, and the commands that show it."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pytest

from pytest_plexdev.cli import main
from pytest_plexdev.core.deployment import deploy_directory, seed_file
from pytest_plexdev.core.model import KEPT_MARK, ProgressEvent, StackInfo
from pytest_plexdev.core.ownership.mark import MARK
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.options.environment import unknown_variables
from pytest_plexdev.stack.embedded import EmbeddedSettings
from pytest_plexdev.stack.embedded.launch import end
from pytest_plexdev.stack.embedded.warm import bring_up_warm, find_warm, warm_directory
from tests.support.embedded import Bench, StartOwner, WithPrograms, pid_of


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    state = tmp_path / "state"
    monkeypatch.setenv("PLEXDEV_STATE_DIR", str(state))
    # The developer's own cluster is not this user's.
    monkeypatch.setenv("KUBECONFIG", str(state / "no-kubeconfig"))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{state}/no-docker.sock")
    yield state
    end(warm_directory(state))


@pytest.fixture
def warm(state: Path, settings: EmbeddedSettings) -> StackInfo:
    info, _ = bring_up_warm(replace(settings, id="warm"), lambda event: None)
    return info


def test_the_second_to_bring_it_up_finds_the_first(warm: StackInfo, settings: EmbeddedSettings) -> None:
    began = time.monotonic()
    found, is_new = bring_up_warm(replace(settings, id="warm"), lambda event: None)

    assert (found, is_new) == (warm, False)
    assert time.monotonic() - began < 2  # nothing was brought up


def test_a_kept_stack_outlives_its_owner(settings: EmbeddedSettings, bench: Bench, start_owner: StartOwner) -> None:
    owner = start_owner(settings)
    owner.wait_for("THE STACK IS UP")
    info = StackInfo.read(bench.directory / "stack.json")
    (bench.directory / KEPT_MARK).touch()

    owner.process.kill()
    owner.process.wait()

    time.sleep(0.3)  # there is no event for something that does not happen
    assert {verdict.state for verdict in bench.provider(settings).verdicts(info)} == {"ready"}
    assert main.main(["down", "--directory", str(bench.directory)]) == 0
    assert {verdict.state for verdict in bench.provider(settings).verdicts(info)} == {"gone"}


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
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
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


def test_status_is_a_table_and_an_exit_code(warm: StackInfo, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["status"]) == 0
    assert re.search("^postgres +ready +for ", capsys.readouterr().out, re.MULTILINE)

    os.kill(pid_of(warm, "nats"), signal.SIGKILL)
    time.sleep(0.2)
    assert main.main(["status"]) == 1
    out = capsys.readouterr().out
    assert re.search("^nats +gone", out, re.MULTILINE)
    assert "ended with SIGKILL" in out


def test_status_without_a_stack_is_a_tagged_error(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["status"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("plexdev[stack-missing]: no stack is running")
    assert "fix: plexdev up" in error


def test_wait_ends_with_124_when_the_time_is_up(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["wait", "--timeout", "0.2"]) == 124
    assert "not ready within 0.2 s" in capsys.readouterr().err


def test_wait_ends_at_once_where_a_server_is_dead(warm: StackInfo, capsys: pytest.CaptureFixture[str]) -> None:
    os.kill(pid_of(warm, "nats"), signal.SIGKILL)
    time.sleep(0.2)
    began = time.monotonic()
    assert main.main(["wait", "--timeout", "60"]) == 1
    assert time.monotonic() - began < 10

    said = capsys.readouterr().err.splitlines()
    assert said[0] == "plexdev[stack-broken]: the running stack is incomplete: nats is gone"
    assert said[1].startswith("  why: nats: ended with SIGKILL")
    assert said[-1].startswith(
        f"  fix: read {warm.directory}/logs/nats.log; plexdev down --stack embedded && plexdev up"
    )


def test_wait_goes_on_while_a_server_only_does_not_answer(warm: StackInfo) -> None:
    os.kill(pid_of(warm, "nats"), signal.SIGSTOP)
    goes_on = threading.Timer(1.0, os.kill, [pid_of(warm, "nats"), signal.SIGCONT])
    goes_on.start()
    assert main.main(["wait", "--timeout", "60"]) == 0
    goes_on.join()


def test_every_command_that_begins_anew_has_the_options_of_up(
    state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = tmp_path / "a seed.yaml"
    seed.write_text(seed_file().read_text())
    options = ["--prefer", "stand-in", "--port", "0", "--idp-port", "0", "--seed", str(seed)]
    assert main.main(["up", *options, "--json"]) == 0
    info = find_warm()
    assert info is not None
    capsys.readouterr()
    os.kill(pid_of(info, "plexsphere"), signal.SIGKILL)
    time.sleep(0.2)

    again = f"plexdev down --stack embedded && plexdev up {shlex.join(options)}"
    for words in (["status"], ["wait"], ["up"], ["doctor"], ["login", "--auto"]):
        main.main(words)
        printed = capsys.readouterr()
        assert again in printed.out + printed.err, words


def test_what_is_said_of_a_stack_whose_data_were_deleted_is_what_mends_it(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--prefer", "stand-in", "--port", "0", "--idp-port", "0"]
    assert main.main(["up", *options, "--json"]) == 0
    shutil.rmtree(json.loads((warm_directory() / MARK).read_text())["counterpart"])
    capsys.readouterr()

    again = f"plexdev down --stack embedded && plexdev up {shlex.join(options)}"
    for words in (["status"], ["wait", "--timeout", "5"], ["up"], ["doctor"]):
        assert main.main(words) == 1, words
        printed = capsys.readouterr()
        assert again in printed.out + printed.err, words
        assert "plexdev logs postgres" not in printed.out + printed.err, words
        assert "\0" not in printed.out + printed.err, words
    assert main.main(["down", "--stack", "embedded"]) == main.main(["up", *options, "--json"]) == 0


def test_wait_is_also_for_a_stack_that_a_run_kept(
    warm: StackInfo, state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Seen from another state directory, only its directory says that there is one.
    monkeypatch.setenv("PLEXDEV_STATE_DIR", str(tmp_path / "other"))
    kept = ["wait", "--timeout", "0.2", "--directory"]

    assert main.main([*kept, str(warm.directory)]) == 0
    assert main.main(["wait", "--timeout", "0.2"]) == 124
    os.kill(pid_of(warm, "nats"), signal.SIGKILL)
    time.sleep(0.2)
    assert main.main([*kept, str(warm.directory)]) == 1
    assert "nats: ended with SIGKILL" in capsys.readouterr().err
    assert main.main([*kept, str(tmp_path / "none")]) == 1
    assert "plexdev[kept-stack-missing]" in capsys.readouterr().err


def test_env_exports_what_a_shell_can_read(warm: StackInfo, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["wait"]) == main.main(["env"]) == 0
    assert f"export PLEXDEV_API_URL={warm.endpoints.api}\n" in capsys.readouterr().out


def test_logs_prints_what_a_service_wrote_and_names_those_it_has(
    warm: StackInfo, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main.main(["logs", "nats"]) == 0
    assert "Server is ready" in capfd.readouterr().out

    assert main.main(["logs", "nginx"]) == 1
    assert "plexdev[no-such-log]" in capfd.readouterr().err


@pytest.mark.parametrize("killed", ["plexsphere", "supervisor"])
def test_logs_are_there_when_who_wrote_them_is_not(
    warm: StackInfo, capfd: pytest.CaptureFixture[str], killed: str
) -> None:
    owner = json.loads((warm_directory() / MARK).read_text())["pid"]
    os.kill(owner if killed == "supervisor" else pid_of(warm, killed), signal.SIGKILL)
    time.sleep(0.2)

    assert main.main(["logs", "nats"]) == 0
    said = capfd.readouterr()
    assert "Server is ready" in said.out
    assert ("no stack is whole in" in said.err) == (killed == "supervisor")


def test_logs_of_a_stack_that_never_came_up(
    state: Path, with_programs: WithPrograms, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(PlexdevError):
        bring_up_warm(replace(with_programs(signer="broken"), id="warm"), lambda event: None)
    written = (warm_directory() / "logs" / "plexsphere-signer.log").read_text()

    for where in ([], ["--stack", "embedded"], ["--directory", str(warm_directory())]):
        assert main.main(["logs", "plexsphere-signer", *where]) == 0
        assert capfd.readouterr().out == written != ""

    assert main.main(["logs", "nginx"]) == 1
    assert "plexdev[no-such-log]" in capfd.readouterr().err
    assert main.main(["logs", "plexsphere-signer", "--stack", "kind"]) == 1
    assert "plexdev[stack-missing]" in capfd.readouterr().err


def test_down_ends_it_and_a_second_down_has_nothing_to_end(warm: StackInfo, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["down"]) == 0
    assert find_warm() is None
    assert main.main(["down"]) == 0
    assert "nothing to end" in capsys.readouterr().out


def test_up_of_a_stack_that_is_not_whole_says_so(warm: StackInfo, capsys: pytest.CaptureFixture[str]) -> None:
    os.kill(pid_of(warm, "plexsphere"), signal.SIGKILL)
    time.sleep(0.2)
    assert main.main(["up"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("plexdev[stack-broken]: the running stack is incomplete: plexsphere is gone\n")
    assert "why: plexsphere: ended with SIGKILL: something outside the stack killed it" in error
    assert "fix: plexdev down --stack embedded && plexdev up" in error


def test_up_with_another_preference_says_what_a_new_one_would_have(
    warm: StackInfo, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spicedb = tmp_path / "spicedb"
    spicedb.write_text("#!/bin/sh\n")
    spicedb.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert main.main(["up", "--prefer", "stand-in"]) == 0
    assert "note" not in capsys.readouterr().out
    assert main.main(["up"]) == 0
    assert "a new one with --prefer real would have another spicedb" in capsys.readouterr().out


@pytest.mark.parametrize("seconds", ["-5", "0", "soon", "inf"])
def test_a_timeout_must_be_one(state: Path, capsys: pytest.CaptureFixture[str], seconds: str) -> None:
    with pytest.raises(SystemExit) as caught:
        main.main(["up", f"--timeout={seconds}"])
    assert caught.value.code == 2
    assert f"argument --timeout: {seconds}: must be a number of seconds above 0" in capsys.readouterr().err


def test_a_kept_stack_is_reached_by_its_directory(
    bench: Bench, settings: EmbeddedSettings, state: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    info = bench.up(settings)
    where = ["--directory", str(bench.directory)]

    assert main.main(["status", *where]) == main.main(["logs", "nats", *where]) == main.main(["env", *where]) == 0
    said = capfd.readouterr().out
    assert "Server is ready" in said
    assert f"export PLEXDEV_API_URL={info.endpoints.api}\n" in said


def test_up_that_fails_leaves_a_directory_only_for_the_log_that_it_names(
    state: Path, with_programs: WithPrograms
) -> None:
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


def test_up_takes_the_ports_of_the_dev_stack_and_says_who_has_them(
    state: Path, settings: EmbeddedSettings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # The real ports may be in use on the machine that runs this test: two others stand for them.
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setattr("pytest_plexdev.stack.embedded.settings.API_PORT", taken.getsockname()[1])
        assert main.main(["up", "--prefer", "stand-in"]) == 1
    error = capsys.readouterr().err
    assert "plexdev[port-taken]" in error
    assert f"(pid {os.getpid()})" in error


def test_a_deferred_service_has_an_exit_code_of_its_own(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["up", "plexd"]) == 69
    assert capsys.readouterr().err.startswith(
        f"plexdev[plexd-deferred]: plexd is declared in {deploy_directory() / 'base' / 'plexd'} but "
    )


def test_the_kind_of_stack_that_is_named_is_the_one(warm: StackInfo, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["env", "--stack", "embedded"]) == 0
    assert "KUBECONFIG" not in capsys.readouterr().out
    assert main.main(["env", "--stack", "kind"]) == 1
    assert "why: looked for a kind cluster" in capsys.readouterr().err


def test_json_is_one_object_for_every_command(warm: StackInfo, capsys: pytest.CaptureFixture[str]) -> None:
    def said(*words: str) -> dict[str, Any]:
        code = main.main([*words, "--json"])
        printed: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert list(printed) == ["command", "ok", "exit_code", "result", "error"]
        assert (printed["command"], printed["ok"], printed["exit_code"]) == (words[0], code == 0, code)
        return printed

    up = said("up")["result"]
    assert up["new"] is False
    assert up["stack"]["endpoints"]["api"] == warm.endpoints.api
    assert up["stack"]["id"] == "warm"
    assert {each["state"] for each in said("status")["result"]["services"]} == {"ready"}
    assert said("wait")["result"] == {"ready": True}
    assert said("env")["result"]["variables"]["PLEXDEV_NATS_URL"] == warm.endpoints.nats
    assert "nats" in said("logs")["result"]["services"]
    assert "Server is ready" in said("logs", "nats")["result"]["text"]
    refused = said("logs", "natz")
    assert (refused["result"], refused["error"]["tag"]) == (None, "no-such-log")
    assert refused["error"]["fix"] == "plexdev logs nats"
    assert said("down")["result"] == {"done": ["plexdev: the stack is down"]}
    assert said("status")["error"]["tag"] == "stack-missing"


def test_a_bring_up_tells_its_progress_beside_the_object(
    state: Path, settings: EmbeddedSettings, capsys: pytest.CaptureFixture[str], with_programs: WithPrograms
) -> None:
    assert main.main(["up", "--json", "--port", "0", "--idp-port", "0", "--prefer", "stand-in"]) == 0

    printed = capsys.readouterr()
    assert json.loads(printed.out)["result"]["new"] is True
    events = [json.loads(line)["event"] for line in printed.err.splitlines()]
    assert {"PhaseBegan", "PhaseEnded"} <= set(events)


def test_up_seeds_what_it_is_told_and_says_where_another_seed_runs(
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
    assert "would have another seed:" in capsys.readouterr().out


@pytest.mark.parametrize("stack", ["embedded", "kind"])
def test_a_seed_that_cannot_be_used_is_refused_before_anything_starts(
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
        said = capsys.readouterr().err
        assert f"plexdev[seed-unusable]: the seed manifest {tmp_path / name} cannot be used: {reason}" in said
        assert "why: it comes from --seed; nothing was started" in said
    assert not state.exists()


def test_logs_without_a_service_lists_them(warm: StackInfo, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["logs"]) == 0
    services = capsys.readouterr().out.split()

    assert {"nats", "postgres", "plexsphere"} <= set(services)
    assert services == sorted(services)


def test_what_env_exports_is_ours_by_name(warm: StackInfo, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["env"]) == 0

    names = re.findall(r"export (\w+)=", capsys.readouterr().out)
    assert names == ["PLEXDEV_API_URL", "PLEXDEV_ISSUER", "PLEXDEV_DATABASE_URL", "PLEXDEV_NATS_URL"]
    assert list(unknown_variables(names)) == []
