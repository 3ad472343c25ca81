"""Whole runs in another PID namespace, like in a dev container, with the same ``/tmp``, state and cache.

The files of a stack are visible there, but its processes are not.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("unshare") is None, reason="only root makes a PID namespace, with unshare"
)
ANOTHER_NAMESPACE = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
PLEXDEV = (sys.executable, "-c", "import sys; from pytest_plexdev.cli.main import main; sys.exit(main())")
PYTEST = (sys.executable, "-m", "pytest", "-p", "no:cacheprovider")

WAITS = """
import pathlib, time

def test_it_is_whole_after_all_that_happens(plexdev_stack, plexdev_tenants, plexdev_login):
    pathlib.Path("runs").touch()
    deadline = time.monotonic() + 60
    while not pathlib.Path("go on").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [verdict.name for verdict in plexdev_stack.verdicts() if verdict.state != "ready"] == []
    assert plexdev_login(plexdev_tenants["acme-corp"]).whoami().email == "admin@example.com"
    assert list(plexdev_stack.info.directory.glob("logs/*.log")) != []
"""
SIGNS_IN = """
def test_sign_in(plexdev_tenants, plexdev_login):
    assert plexdev_login(plexdev_tenants["acme-corp"]).whoami().email == "admin@example.com"
"""
IS_KILLED = """
import pathlib, time

def test_it_does_not_come_to_its_end(plexdev_stack):
    pathlib.Path("is up").touch()
    time.sleep(60)
"""


@pytest.fixture
def warm(project: pytest.Pytester, temporary: Path) -> Iterator[None]:
    up = project.run(*PLEXDEV, "up", "--stack", "embedded", "--port", "0", "--idp-port", "0", timeout=60)
    assert up.ret == 0
    yield
    project.run(*PLEXDEV, "down", "--stack", "embedded", timeout=30)


@pytest.fixture
def live(project: pytest.Pytester, temporary: Path) -> Iterator[subprocess.Popen[str]]:
    """A run in this namespace that has its stack and continues when the file ``go on`` exists."""
    project.makepyfile(test_live=WAITS)
    with subprocess.Popen([*PYTEST, "test_live.py"], stdout=subprocess.PIPE, text=True) as run:
        _wait_for(project.path / "runs")
        yield run
        run.kill()


def _wait_for(file: Path) -> None:
    deadline = time.monotonic() + 60
    while not file.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert file.exists()


@pytest.mark.usefixtures("warm")
def test_a_run_in_another_pid_namespace_harms_no_other_stack(
    project: pytest.Pytester, live: subprocess.Popen[str], temporary: Path, state_directory: Path
) -> None:
    project.makepyfile(test_there=SIGNS_IN)

    fresh = project.run(*ANOTHER_NAMESPACE, *PYTEST, "-n", "2", "test_there.py", "test_plain.py", timeout=90)
    fresh.assert_outcomes(passed=2)
    attached = project.run(*ANOTHER_NAMESPACE, *PYTEST, "--dev-stack", "test_there.py", timeout=60)
    attached.assert_outcomes(passed=1)
    attached.stdout.fnmatch_lines(["plexdev: embedded stack warm, attached in * ms; stand-ins: *"])
    down = project.run(*ANOTHER_NAMESPACE, *PLEXDEV, "down", "--stack", "embedded", timeout=30)
    assert down.ret == 1
    down.stderr.fnmatch_lines(
        [
            f"plexdev[[]owned-elsewhere[]]: the embedded stack in {state_directory}/warm is running, but no process *",
            "*in another container or PID namespace",
        ]
    )

    (project.path / "go on").touch()
    output, _ = live.communicate(timeout=60)
    assert "1 passed" in output
    project.run(*PYTEST, "--dev-stack", "test_there.py", timeout=60).assert_outcomes(passed=1)
    status = project.run(*PLEXDEV, "status", "--stack", "embedded", timeout=30)
    assert status.ret == 0
    # Only the data of the warm stack is left.
    (scratch,) = temporary.glob("plexdev-*")
    assert (scratch / "postgres" / "PG_VERSION").exists()
    assert project.run(*PLEXDEV, "down", "--stack", "embedded", timeout=30).ret == 0
    assert list(temporary.glob("plexdev-*")) == []


def test_a_killed_run_of_another_pid_namespace_is_swept(
    project: pytest.Pytester, live: subprocess.Popen[str], temporary: Path
) -> None:
    project.makepyfile(test_killed=IS_KILLED, test_there=SIGNS_IN)
    of_the_live_one = set(temporary.glob("plexdev-*"))
    with subprocess.Popen([*ANOTHER_NAMESPACE, *PYTEST, "test_killed.py"], stdout=subprocess.DEVNULL) as killed:
        _wait_for(project.path / "is up")
        killed.kill()
    assert set(temporary.glob("plexdev-*")) > of_the_live_one

    project.run(*PYTEST, "test_there.py", timeout=60).assert_outcomes(passed=1)

    assert set(temporary.glob("plexdev-*")) == of_the_live_one
    (project.path / "go on").touch()
    output, _ = live.communicate(timeout=60)
    assert "1 passed" in output
    assert list(temporary.glob("plexdev-*")) == []
