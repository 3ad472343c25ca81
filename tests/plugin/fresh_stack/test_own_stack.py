"""A stack for one test: what a test breaks there, what its evidence shows, and that nothing of it is left."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.run_notes import left_of, notes_of
from tests.support.waiting import until

BREAKS = """
import json, pathlib, pytest, time
from pytest_plexdev import PlexdevError, ProblemError, eventually

@pytest.fixture(autouse=True)
def note(request, plexdev_own_stack):
    pids = [service.pid for service in plexdev_own_stack.info.services if service.pid]
    note = {"api": plexdev_own_stack.api_url, "pids": pids}
    pathlib.Path(f"note-{request.node.name}.json").write_text(json.dumps(note))

def test_killed(plexdev_own_stack):
    fault = plexdev_own_stack.kill("plexsphere")
    with pytest.raises(PlexdevError, match="no answer while the test has broken plexsphere .killed."):
        plexdev_own_stack.client.auth.whoami()
    fault.undo()
    assert plexdev_own_stack.client.auth.whoami().principal_type == "user"
    assert plexdev_own_stack.faults_in_force() == []
    (pid,) = [each.pid for each in plexdev_own_stack.info.services if each.name == "plexsphere"]
    assert b"--serve" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()  # a fork, which imported nothing

def test_refusal_of_the_api_is_seen(plexdev_own_stack):
    client = plexdev_own_stack.client
    with plexdev_own_stack.kill("postgres"):
        with pytest.raises(ProblemError, match="503 datastore_unavailable"):
            client.auth.whoami()

def test_delayed(plexdev_own_stack):
    client = plexdev_own_stack.client
    with plexdev_own_stack.delay("postgres", 0.3) as fault:
        assert repr(fault) == "Fault('postgres', 'delayed by 0.3 s')"
        began = time.monotonic()
        assert eventually(client.auth.whoami, within=20, ignoring=ProblemError).principal_type == "user"
        assert time.monotonic() - began >= 0.3
    assert plexdev_own_stack.faults_in_force() == []
    with pytest.raises(ValueError, match="above 0"):
        plexdev_own_stack.delay("postgres", 0)

def test_clock(plexdev_own_stack):
    node = plexdev_own_stack.make_node(healthy=True)
    plexdev_own_stack.advance_clock(120)
    assert node.reachability() == "stale"
    plexdev_own_stack.advance_clock(100 * 86400)
    with pytest.raises(ProblemError, match="401 unauthenticated"):
        plexdev_own_stack.client.auth.whoami()

def test_variables(plexdev_own_stack):
    with pytest.raises(PlexdevError, match="restart-failed"):
        plexdev_own_stack.set_env("plexsphere", PLEXSPHERE_DATABASE_URL=None)
    with plexdev_own_stack.set_env("plexsphere", PLEXSPHERE_NATS_URL=None):
        assert "jetstream" not in plexdev_own_stack.anonymous.transport.send("GET", "/readyz").text
    assert "jetstream" in plexdev_own_stack.anonymous.transport.send("GET", "/readyz").text
"""


def test_four_workers_break_stacks_of_their_own(project: pytest.Pytester, temporary: Path) -> None:
    project.makepyfile(test_breaks=BREAKS)
    result = project.runpytest_subprocess("-n", "4")

    result.assert_outcomes(passed=6)
    notes = notes_of(project)
    assert (len(notes), len({note["api"] for note in notes})) == (5, 5)
    assert left_of(temporary, notes) == []


def test_a_failing_test_shows_its_own_stack(project: pytest.Pytester, temporary: Path) -> None:
    project.makepyfile(
        test_fails="""
        import httpx

        def test_fails(plexdev_own_stack):
            plexdev_own_stack.pause("nats")
            plexdev_own_stack.kill("dex")
            httpx.get(f"{plexdev_own_stack.api_url}/v1/domains", trust_env=False)
            plexdev_own_stack.set_env("plexsphere", NONSENSE="1")
            plexdev_own_stack.anonymous.meta.version()
            assert plexdev_own_stack.login("acme-corp").token == ""
        """
    )
    result = project.runpytest_subprocess()

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*- plexdev readiness -*",
            "nats * waiting * no answer",
            "dex * gone *ended with SIGKILL: the test ended it",
            "*- plexdev HTTP exchanges -*",
            "*GET /v1/version -> 200*",
            "*- plexdev requests of other clients -*",
            "*GET /v1/domains -> 401 unauthenticated*",
        ]
    )
    (folder,) = project.path.glob(".plexdev/test_fails*")
    page = (folder / "index.md").read_text()
    assert "on another stack of its own: `pytest test_fails.py::test_fails`" in page
    assert "serving" in (folder / "plexsphere.log").read_text()
    assert left_of(temporary, []) == []


def test_a_killed_run_leaves_no_own_stack(project: pytest.Pytester, temporary: Path) -> None:
    project.makepyfile(
        test_sleeps="""
        import json, pathlib, time

        def test_sleeps(plexdev_own_stack):
            plexdev_own_stack.pause("postgres")
            pids = [service.pid for service in plexdev_own_stack.info.services if service.pid]
            draft = pathlib.Path("draft.json")
            draft.write_text(json.dumps({"pids": pids}))
            draft.rename("note-sleeps.json")
            time.sleep(60)
        """
    )
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
    run = subprocess.Popen(command, cwd=project.path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until(lambda: (project.path / "note-sleeps.json").exists())
    (note,) = notes_of(project)
    run.send_signal(signal.SIGKILL)
    run.wait()

    until(lambda: left_of(temporary, [note]) == [])


@pytest.mark.parametrize(
    ("options", "test", "lines"),
    [
        (
            [],
            "def test(plexdev_stack):\n    plexdev_stack.set_env('plexsphere', PLEXSPHERE_ENV='prod')",
            [
                'plexdev[[]stack-shared[]]: set_env("plexsphere") is refused: this stack serves all tests of this run',
                "  fix: request plexdev_own_stack in place of plexdev_stack; *",
            ],
        ),
        (
            ["--plexdev-stack=kind"],
            "def test(plexdev_own_stack):\n    pass",
            [
                "plexdev[[]own-stack-unsupported[]]: plexdev_own_stack starts no kind stack for one test",
                "  fix: run the test on such a stack: pytest --plexdev-stack=embedded",
            ],
        ),
        (
            ["--plexdev-prefer=stand-in"],
            "def test(plexdev_own_stack):\n    plexdev_own_stack.pause('spicedb')",
            ["plexdev[[]unknown-name[]]: the stack has no service with a process spicedb*"],
        ),
    ],
)
def test_what_cannot_be_broken_is_refused(
    project: pytest.Pytester, temporary: Path, options: list[str], test: str, lines: list[str]
) -> None:
    project.makepyfile(test_refused=test)
    result = project.runpytest_subprocess(*options)

    result.stdout.fnmatch_lines(lines)
    result.stdout.no_fnmatch_line("*Traceback*")
    assert left_of(temporary, []) == []
