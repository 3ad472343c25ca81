"""A stack whose files are visible in other PID namespaces, to other users, and at other paths."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_plexdev.cli import main
from pytest_plexdev.core.model import StackInfo
from pytest_plexdev.core.ownership import run_directory
from pytest_plexdev.core.ownership.mark import MARK
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.stack.embedded import EmbeddedSettings
from pytest_plexdev.stack.embedded.launch import end
from pytest_plexdev.stack.embedded.warm import bring_up_warm, find_warm, warm_directory
from tests.support.checkout import ROOT
from tests.support.embedded import Bench, pid_of, warm_scratch

_ANOTHER_NAMESPACE = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")

_COMMAND = (sys.executable, "-c", "import sys; from pytest_plexdev.cli.main import main; sys.exit(main())")


def _elsewhere(*words: str) -> subprocess.CompletedProcess[str]:
    argv = [*_ANOTHER_NAMESPACE, *words]
    variables = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(argv, env=variables, capture_output=True, text=True, timeout=120, check=False)


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root makes a PID namespace, or becomes another user")


@needs_root
def test_another_pid_namespace_attaches_and_ends_nothing(warm: StackInfo, settings: EmbeddedSettings) -> None:
    (warm_directory() / "logs" / "mine").touch()
    sweeps = "from pytest_plexdev.stack.embedded.removal import sweep; sweep()"

    down = _elsewhere(*_COMMAND, "down", "--stack", "embedded")
    assert down.returncode == 1
    assert f"plexdev[owned-elsewhere]: the embedded stack in {warm_directory()} is running" in down.stderr
    assert "in another container or PID namespace" in down.stderr
    assert "fix: stop it where it runs: plexdev down --stack embedded; or" in down.stderr
    up = _elsewhere(*_COMMAND, "up")
    assert "plexdev: the stack is already running since" in up.stdout, up.stderr
    assert _elsewhere(sys.executable, "-c", sweeps).returncode == 0
    assert "plexsphere            ready" in _elsewhere(*_COMMAND, "status", "--stack", "embedded").stdout

    assert find_warm() == warm
    assert (warm_scratch() / "postgres" / "PG_VERSION").exists()
    assert (warm_directory() / "logs" / "mine").exists()


@needs_root
def test_up_reports_a_broken_stack_of_another_pid_namespace(warm: StackInfo) -> None:
    os.kill(pid_of(warm, "nats"), signal.SIGSTOP)

    up = _elsewhere(*_COMMAND, "up")

    assert "plexdev[owned-elsewhere]" in up.stderr
    assert find_warm() is not None


def test_a_moved_stack_is_not_ended_from_its_old_directory(
    warm: StackInfo, state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state.rename(tmp_path / "moved")

    assert end(warm_directory()) is None
    assert find_warm() is None
    monkeypatch.setenv("PLEXDEV_STATE_DIR", str(tmp_path / "moved"))
    assert find_warm() is not None
    end(warm_directory())


def test_a_port_of_your_own_stack_is_reported_as_such(
    warm: StackInfo, settings: EmbeddedSettings, bench: Bench
) -> None:
    port = int(warm.endpoints.api.rpartition(":")[2])

    with pytest.raises(PlexdevError) as refusal:
        bench.up(replace(settings, api_port=port))

    assert str(refusal.value.facts["holder"]).startswith("your embedded stack (pid ")
    assert refusal.value.fix.startswith("plexdev down --stack embedded; or ")


def test_files_are_private_whatever_the_umask(state: Path, settings: EmbeddedSettings) -> None:
    before = os.umask(0)
    try:
        bring_up_warm(replace(settings, id="warm"), lambda event: None)
    finally:
        os.umask(before)

    places = [state, *state.rglob("*"), warm_scratch()]
    open_to_others = {str(each): oct(each.stat().st_mode) for each in places if each.stat().st_mode & 0o077}
    assert {name: mode for name, mode in open_to_others.items() if name != str(state / "warm.lock")} == {}
    assert state / "warm" / "logs" / "nats.log" in places


@needs_root
def test_a_directory_of_another_user_is_refused_by_name(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = warm_directory()
    place.mkdir(parents=True, mode=0o700)
    state.chmod(0o755)
    os.chown(place, 1234, 1234)
    prepare = ["setpriv", "--reuid=1234", "--regid=1234", "--clear-groups", "sh", "-c", f"echo '{{}}' > {place}/{MARK}"]
    subprocess.run(prepare, check=False)

    for command in (["down", "--stack", "embedded"], ["up", "--timeout", "1"], ["status", "--stack", "embedded"]):
        assert main.main(command) == 1
        output = capsys.readouterr().err
        assert f"plexdev[untrusted-path]: {place} is not trusted: it belongs to the user with id 1234" in output
    os.chown(place, 0, 0)


def test_a_directory_that_others_filled_is_not_taken(
    state: Path, settings: EmbeddedSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    (warm_directory() / "logs").mkdir(parents=True)
    (warm_directory() / "logs" / "thesis.txt").touch()
    for directory in (state, warm_directory()):
        directory.chmod(0o700)

    assert main.main(["up", "--port", "0", "--idp-port", "0"]) == 1
    assert f"plexdev[directory-taken]: {warm_directory()} has files" in capsys.readouterr().err
    assert main.main(["down", "--stack", "embedded"]) == 0
    assert (warm_directory() / "logs" / "thesis.txt").exists()
    shutil.rmtree(warm_directory())


def test_a_sweep_removes_killed_runs_and_keeps_live_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    short = Path(tempfile.mkdtemp(prefix="sweep-", dir="/tmp"))
    monkeypatch.setattr("tempfile.tempdir", str(short))
    killed, alive = short / "plexdev-killed", short / "plexdev-alive"
    held = run_directory.hold(killed)
    (killed / "logins").mkdir()
    (killed / "logins" / "token.json").touch()
    (short / "plexdev-unmarked").mkdir()

    with run_directory.hold(alive):
        run_directory.sweep()
        assert killed.exists()
        held.release()
        run_directory.sweep()
        assert not killed.exists()
        assert alive.exists()
    assert (short / "plexdev-unmarked").exists()
    shutil.rmtree(short)
