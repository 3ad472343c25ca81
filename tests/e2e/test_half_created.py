"""A run is killed while its cluster is being created: the reaper removes everything."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_plexdev.core.model import KEPT_MARK
from pytest_plexdev.core.process_id import ProcessHandle, ProcessId
from pytest_plexdev.stack.kind.cluster import reaper
from pytest_plexdev.stack.kind.cluster.cluster_files import ClusterFiles
from pytest_plexdev.stack.kind.settings import fresh_name
from tests.support.clusters import NODE_IMAGE
from tests.support.kind_stacks import clusters
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("cluster_tools")

RUN = """
import os, sys
from pathlib import Path
from pytest_plexdev.core.process_id import ProcessHandle, ProcessId
from pytest_plexdev.stack.kind.provider import KindProvider
from pytest_plexdev.stack.kind.settings import KindSettings, fresh_name
run, image = Path(sys.argv[1]), sys.argv[2]
settings = KindSettings(name=fresh_name(run), owner=ProcessId.of(os.getpid()), api_port=0, idp_port=0,
                        run_directory=run, kind_image=image or None)
KindProvider(settings, run / "stack").up(lambda event: None)
"""


def test_a_killed_run_leaves_nothing(tmp_path: Path) -> None:
    run = tmp_path / "run"
    name = fresh_name(run)
    process = subprocess.Popen([sys.executable, "-c", RUN, str(run), NODE_IMAGE or ""])
    until(lambda: name in clusters(), within_s=120, every_s=0.1, running=process)
    watcher = reaper.REAPER.find(run / "stack")
    assert watcher is not None

    process.kill()
    process.wait()
    wait_for_end(watcher)

    assert name not in clusters()
    assert not run.exists()
    assert creations(name) == []


def test_a_worker_killed_during_cluster_creation_leaves_nothing(project: pytest.Pytester, temporary: Path) -> None:
    project.makepyfile(test_stack="def test_stack(plexdev_stack):\n    pass\n")
    argv = [sys.executable, "-m", "pytest", "-n1", "--max-worker-restart=0", "--plexdev-stack=kind"]
    process = subprocess.Popen(argv, cwd=project.path, stdout=subprocess.DEVNULL)
    until(lambda: any(temporary.glob("plexdev-*/stack/creating.json")), within_s=120, every_s=0.1, running=process)
    (run,) = temporary.glob("plexdev-*")
    name = fresh_name(run)
    until(lambda: processes(f"docker run --name {name}"), within_s=120, every_s=0.1, running=process)
    note, watcher = ClusterFiles(name, run / "stack").creation(), reaper.REAPER.find(run / "stack")
    assert note is not None
    assert watcher is not None

    os.kill(note.creator.pid, signal.SIGKILL)
    assert process.wait(120) == pytest.ExitCode.TESTS_FAILED
    wait_for_end(watcher)

    assert creations(name) == []
    assert name not in clusters()
    assert not run.exists()


def wait_for_end(watcher: ProcessHandle) -> None:
    with watcher:
        assert watcher.wait(120)


def creations(name: str) -> list[str]:
    return processes(f"kind create cluster --name {name}")


def processes(command: str) -> list[str]:
    return subprocess.run(["pgrep", "-af", command], capture_output=True, text=True).stdout.splitlines()


@pytest.mark.parametrize("kept", [False, True])
def test_the_reaper_cleans_up_unless_the_stack_is_kept(tmp_path: Path, *, kept: bool) -> None:
    run = tmp_path / "run"
    directory = run / "stack"
    directory.mkdir(parents=True)
    owner = subprocess.Popen(["sleep", "60"])
    reaper.watch_over("plexdev-nowhere", directory, ProcessId.of(owner.pid), run)
    watcher = reaper.REAPER.find(directory)
    assert watcher is not None
    assert watcher.process.is_alive
    if kept:
        (directory / KEPT_MARK).touch()

    owner.kill()
    owner.wait()
    wait_for_end(watcher)

    assert run.exists() == kept


def test_what_watches_over_a_run_ends_when_it_is_dismissed(tmp_path: Path) -> None:
    reaper.watch_over("plexdev-nowhere", tmp_path, ProcessId.of(os.getpid()), None)
    watcher = reaper.REAPER.find(tmp_path)

    assert watcher is not None

    with watcher:
        reaper.dismiss(tmp_path)
        assert watcher.wait(0)
    assert tmp_path.exists()
