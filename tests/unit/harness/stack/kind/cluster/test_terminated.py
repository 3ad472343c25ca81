"""``plexdev up`` is terminated during ``kind create``, as by a cancelled CI job or a closed terminal."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.fake_kind import OURS, FakeKind
from tests.support.processes import assert_ends

UP = """
import sys
from functools import partial
from pathlib import Path
from pytest_plexdev.cli.main import main
from pytest_plexdev.stack.kind.warm import up
from pytest_plexdev.core.cancellation import wait_all, spawn
from pytest_plexdev.stack.kind.cluster import create as cluster
from pytest_plexdev.stack.kind.cluster.cluster_files import ClusterFiles
from pytest_plexdev.core.cancellation import fail_after

def bring_up(settings, progress):
    with fail_after(600):
        wait_all(spawn(partial(cluster.create, ClusterFiles("c", Path(sys.argv[1])), b"", image=None, timeout=600)))

up.bring_up = bring_up
sys.exit(main(["up", "--stack", "kind"]))
"""


@pytest.fixture
def up(fake_kind: FakeKind) -> Callable[..., subprocess.Popen[bytes]]:
    """Start it, and return once its cluster is partly created."""
    fake_kind.node(labels=OURS, created=time.time() + 600, into=".ours")
    fake_kind.create_does(f"echo $$ > {fake_kind.state}/pid; mv node.json.ours node.json; sleep 600")

    def start(**options: Any) -> subprocess.Popen[bytes]:
        process = subprocess.Popen([sys.executable, "-c", UP, str(fake_kind.files.directory)], **options)
        while not fake_kind.has_node:
            assert process.poll() is None
            time.sleep(0.01)
        return process

    return start


def is_taken_back(fake_kind: FakeKind) -> bool:
    assert_ends(int((fake_kind.state / "pid").read_text()))
    return not fake_kind.has_node and fake_kind.files.creation() is None


def test_sigterm_takes_back_what_was_begun(fake_kind: FakeKind, up: Callable[..., subprocess.Popen[bytes]]) -> None:
    process = up(stderr=subprocess.PIPE)
    process.terminate()
    _, output = process.communicate(timeout=30)

    assert process.returncode == 128 + signal.SIGTERM
    assert output == b"plexdev: ended by SIGTERM\n"
    assert is_taken_back(fake_kind)


def _with_a_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    # If nohup runs these tests, SIGHUP is ignored, and would be in this process too.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def test_a_closed_terminal_takes_back_what_was_begun(
    fake_kind: FakeKind, up: Callable[..., subprocess.Popen[bytes]]
) -> None:
    ours, its = os.openpty()
    process = up(
        stdin=its,
        stdout=its,
        stderr=its,
        start_new_session=True,
        preexec_fn=_with_a_terminal,
    )
    os.close(its)
    os.close(ours)

    assert process.wait(30) == 128 + signal.SIGHUP
    assert is_taken_back(fake_kind)


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_during_the_cleanup_does_not_end_it(
    fake_kind: FakeKind, up: Callable[..., subprocess.Popen[bytes]], first: signal.Signals
) -> None:
    """CI systems send SIGINT and, some seconds later, SIGTERM."""
    may_delete = fake_kind.state / "may-delete"
    kind = fake_kind.state.parent / "bin" / "kind"
    waits = f"while ! test -e {may_delete}; do sleep 0.05; done; rm -f node.json"
    kind.write_text(kind.read_text().replace("rm -f node.json", waits))
    process = up()
    process.send_signal(first)
    while "delete" not in fake_kind.calls:
        assert process.poll() is None
        time.sleep(0.01)
    process.terminate()
    time.sleep(0.2)
    may_delete.touch()

    assert process.wait(30) == 128 + signal.SIGTERM
    assert is_taken_back(fake_kind)


def test_a_hangup_that_is_ignored_stays_ignored(
    fake_kind: FakeKind, up: Callable[..., subprocess.Popen[bytes]]
) -> None:
    """``nohup`` ignores it."""
    process = up(preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    process.send_signal(signal.SIGHUP)
    process.terminate()

    assert process.wait(30) == 128 + signal.SIGTERM


def test_down_finds_a_cluster_whose_bring_up_was_killed(
    fake_kind: FakeKind, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The cluster has no kubeconfig yet, but a note of its creation."""
    from pytest_plexdev.cli.main import main

    monkeypatch.setenv("PLEXDEV_STATE_DIR", str(tmp_path))
    files = tmp_path / "kind" / "plexsphere"
    files.mkdir(parents=True)
    (files / "creating.json").write_text('{"cluster": "plexsphere", "pid": 4194304, "started": 1, "began": 1}')

    assert main(["down"]) == 0
    assert "there is no kind cluster plexsphere" in capsys.readouterr().out
