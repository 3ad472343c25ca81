"""The commands that show and stop the warm stack."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_plexdev.cli import main
from pytest_plexdev.core.deployment import seed_file
from pytest_plexdev.core.model import StackInfo
from pytest_plexdev.core.ownership.mark import MARK
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.options.environment import unknown_variables
from pytest_plexdev.stack.embedded import EmbeddedSettings
from pytest_plexdev.stack.embedded.warm import bring_up_warm, find_warm, warm_directory
from tests.support.embedded import Bench, WithPrograms, pid_of
from tests.support.waiting import until


def test_status_is_a_table_and_an_exit_code(warm: StackInfo, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["status"]) == 0
    out = capsys.readouterr().out
    assert re.match(
        rf"embedded stack warm, \d+ s old\n  api        {warm.endpoints.api}\n  issuer     {warm.endpoints.issuer}\n\n",
        out,
    )
    assert re.search("^postgres +ready +for ", out, re.MULTILINE)
    assert "\x1b" not in out

    os.kill(pid_of(warm, "nats"), signal.SIGKILL)
    until(lambda: main.main(["status"]) == 1)
    capsys.readouterr()
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
    until(lambda: main.main(["status"]) == 1)
    capsys.readouterr()
    began = time.monotonic()
    assert main.main(["wait", "--timeout", "60"]) == 1
    assert time.monotonic() - began < 10

    output = capsys.readouterr().err.splitlines()
    assert output[0] == "plexdev[stack-broken]: the running stack is incomplete: nats is gone"
    assert output[1].startswith("  why: nats: ended with SIGKILL")
    assert output[-1].startswith(
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
    until(lambda: main.main(["status"]) == 1)
    capsys.readouterr()

    again = f"plexdev down --stack embedded && plexdev up {shlex.join(options)}"
    for words in (["status"], ["wait"], ["up"], ["doctor"], ["login", "--auto"]):
        main.main(words)
        printed = capsys.readouterr()
        assert again in printed.out + printed.err, words


def test_commands_print_how_to_restart_a_stack_without_data(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
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
    # With another state directory, the stack is identified by --directory only.
    monkeypatch.setenv("PLEXDEV_STATE_DIR", str(tmp_path / "other"))
    kept = ["wait", "--timeout", "0.2", "--directory"]

    assert main.main([*kept, str(warm.directory)]) == 0
    assert main.main(["wait", "--timeout", "0.2"]) == 124
    os.kill(pid_of(warm, "nats"), signal.SIGKILL)
    until(lambda: main.main(["status"]) == 1)
    capsys.readouterr()
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
    until(lambda: main.main(["status"]) == 1)
    capfd.readouterr()

    assert main.main(["logs", "nats"]) == 0
    captured = capfd.readouterr()
    assert "Server is ready" in captured.out
    assert ("is incomplete; these are its last logs" in captured.err) == (killed == "supervisor")


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
    assert "nothing to stop" in capsys.readouterr().out


def test_a_kept_stack_is_reached_by_its_directory(
    bench: Bench, settings: EmbeddedSettings, state: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    info = bench.up(settings)
    where = ["--directory", str(bench.directory)]

    assert main.main(["status", *where]) == main.main(["logs", "nats", *where]) == main.main(["env", *where]) == 0
    output = capfd.readouterr().out
    assert "Server is ready" in output
    assert f"export PLEXDEV_API_URL={info.endpoints.api}\n" in output


def test_the_kind_of_stack_that_is_named_is_the_one(warm: StackInfo, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["env", "--stack", "embedded"]) == 0
    assert "KUBECONFIG" not in capsys.readouterr().out
    assert main.main(["env", "--stack", "kind"]) == 1
    assert "why: looked for a kind cluster" in capsys.readouterr().err


def test_json_is_one_object_for_every_command(warm: StackInfo, capsys: pytest.CaptureFixture[str]) -> None:
    def run_json(*words: str) -> dict[str, Any]:
        code = main.main([*words, "--json"])
        printed: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert list(printed) == ["command", "ok", "exit_code", "result", "error"]
        assert (printed["command"], printed["ok"], printed["exit_code"]) == (words[0], code == 0, code)
        return printed

    up = run_json("up")["result"]
    assert up["new"] is False
    assert up["stack"]["endpoints"]["api"] == warm.endpoints.api
    assert up["stack"]["id"] == "warm"
    assert {each["state"] for each in run_json("status")["result"]["services"]} == {"ready"}
    assert run_json("wait")["result"] == {"ready": True}
    assert run_json("env")["result"]["variables"]["PLEXDEV_NATS_URL"] == warm.endpoints.nats
    logs = run_json("logs")["result"]
    assert "nats" in logs["services"]
    assert list(logs["texts"]) == logs["services"]
    assert "Server is ready" in run_json("logs", "nats")["result"]["text"]
    refused = run_json("logs", "natz")
    assert (refused["result"], refused["error"]["tag"]) == (None, "no-such-log")
    assert refused["error"]["fix"] == "plexdev logs nats"
    assert run_json("down")["result"] == {"done": ["plexdev: the stack is down"]}
    assert run_json("status")["error"]["tag"] == "stack-missing"


def test_what_env_exports_is_ours_by_name(warm: StackInfo, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["env"]) == 0

    names = re.findall(r"export (\w+)=", capsys.readouterr().out)
    assert names == ["PLEXDEV_API_URL", "PLEXDEV_ISSUER", "PLEXDEV_DATABASE_URL", "PLEXDEV_NATS_URL"]
    assert list(unknown_variables(names)) == []
