"""Whole runs on a fresh embedded stack: one bring-up, and no leftovers."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.checkout import ROOT
from tests.support.run_notes import left_of, notes_of
from tests.support.waiting import until

EXAMPLE = ROOT / "examples" / "sibling"

NOTES_THE_STACK = """
import json, os, pathlib, pytest

@pytest.mark.parametrize("number", range(4))
def test_stack(plexdev_stack, number):
    pids = [service.pid for service in plexdev_stack.info.services if service.pid]
    note = {"id": plexdev_stack.info.id, "directory": str(plexdev_stack.info.directory), "pids": pids}
    pathlib.Path(f"note-{number}.json").write_text(json.dumps(note))
"""


@pytest.mark.parametrize("workers", [[], ["-n", "3"]])
def test_one_stack_per_run_whoever_asks(project: pytest.Pytester, temporary: Path, workers: list[str]) -> None:
    project.makepyfile(test_stack=NOTES_THE_STACK)
    result = project.runpytest_subprocess("-v", *workers)

    result.assert_outcomes(passed=5)
    notes = notes_of(project)
    assert (len(notes), len({note["id"] for note in notes})) == (4, 1)
    result.stdout.fnmatch_lines(
        [
            "*- plexdev -*",
            "embedded stack * at http://localhost:*",
            "  ran: postgres 16.*, nats 2.*",
            "  left out: *openbao*",
            "  seconds: *all *",
            "  warm next time: plexdev up, then pytest --dev-stack …",
        ]
    )
    assert left_of(temporary, notes) == []


@pytest.mark.parametrize("arguments", [[], ["-q"], ["-q", "-n", "1"]])
def test_a_green_run_says_one_line(project: pytest.Pytester, arguments: list[str]) -> None:
    project.makepyfile(test_stack="def test_stack(plexdev_stack):\n    pass\n")
    result = project.runpytest_subprocess("--plexdev-report=report.html", *arguments)

    result.assert_outcomes(passed=2)
    summary = result.outlines[next(place for place, line in enumerate(result.outlines) if "[100%]" in line) + 1 : -1]
    line, *further = [line for line in summary if line]
    assert re.fullmatch(r"plexdev: embedded stack in \d+\.\d s; stand-ins: dex, spicedb, plexsphere", line)
    assert further == ["  report: report.html"]


def test_a_worker_that_crashes_leaves_the_stack_to_the_others(project: pytest.Pytester, temporary: Path) -> None:
    project.makepyfile(
        test_crash="import os\n\ndef test_crash(plexdev_stack):\n    os._exit(3)\n", test_stack=NOTES_THE_STACK
    )
    result = project.runpytest_subprocess("-n", "2")

    result.assert_outcomes(passed=5, failed=1)
    notes = notes_of(project)
    assert len({note["id"] for note in notes}) == 1
    assert left_of(temporary, notes) == []


def test_a_sibling_project_needs_no_conftest(pytester: pytest.Pytester) -> None:
    shutil.copytree(EXAMPLE, pytester.path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))

    pytester.runpytest_subprocess("-n", "2").assert_outcomes(passed=15)


@pytest.mark.parametrize("arguments", [["-k", "test_8"], ["-n", "2", "-p", "no:randomly"]])
def test_the_golden_flow_from_a_foreign_project(project: pytest.Pytester, arguments: list[str]) -> None:
    result = project.runpytest_subprocess("--pyargs", "pytest_plexdev.golden", *arguments)

    result.assert_outcomes(passed=1 if "-k" in arguments else 9)


def test_a_failed_bring_up_is_tried_and_reported_once(
    project: pytest.Pytester, temporary: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PLEXDEV_CACHE_DIR", str(tmp_path / "file" / "cache"))
    project.makepyfile(test_stack=NOTES_THE_STACK)
    result = project.runpytest_subprocess("-n", "2")

    result.assert_outcomes(passed=1, errors=1, skipped=3)
    result.stdout.fnmatch_lines(["plexdev[[]cache-unwritable[]]: *", "  fix: *"])
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*- plexdev -*")
    assert left_of(temporary, []) == []


def test_a_kept_stack_stays_and_the_summary_says_how_to_end_it(project: pytest.Pytester, temporary: Path) -> None:
    project.makepyfile(test_stack=NOTES_THE_STACK)
    result = project.runpytest_subprocess("--plexdev-keep=always", "--plexdev-report=out/report.html")

    result.assert_outcomes(passed=5)
    note = notes_of(project)[0]
    assert all(Path(f"/proc/{pid}").exists() for pid in note["pids"])
    assert [path.name for path in temporary.rglob("logins")] == []
    (kept_line,) = [line for line in result.stdout.lines if line.startswith("  kept (--plexdev-keep=always)")]
    page = (project.path / "out" / "report.html").read_text()
    assert 'title="plexsphere"' in page
    assert len(set(re.findall(r"left:([\d.]+)%;", page))) > 3

    command = kept_line.rpartition("stop it with: ")[2].split()
    assert command[:2] == ["plexdev", "down"]
    subprocess.run([sys.executable, "-m", "pytest_plexdev.cli.main", *command[1:]], check=True)
    assert left_of(temporary, notes_of(project)) == []


def test_a_project_may_bring_its_own_seed(project: pytest.Pytester) -> None:
    seed = (ROOT / "deploy" / "local" / "seed" / "tenants.yaml").read_text()
    (project.path / "seed.yaml").write_text(seed.replace("gamma-coop", "delta-coop"))
    project.makeconftest("def pytest_plexdev_seed(config):\n    return config.rootpath / 'seed.yaml'\n")
    project.makepyfile(
        test_seed="""
        def test_seed(plexdev_tenants):
            assert sorted(plexdev_tenants) == ["acme-corp", "beta-llc", "delta-coop"]
            assert plexdev_tenants["delta-coop"].domain.slug == "delta-coop"
        """
    )

    project.runpytest_subprocess("-k", "seed").assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("number", "workers", "moment"),
    [
        (signal.SIGINT, [], "bring-up"),
        (signal.SIGINT, [], "test"),
        (signal.SIGKILL, [], "test"),
        (signal.SIGKILL, ["-n", "2"], "test"),
        (signal.SIGKILL, [], "bring-up"),
    ],
)
def test_however_the_run_ends_nothing_is_left(
    project: pytest.Pytester, temporary: Path, number: signal.Signals, workers: list[str], moment: str
) -> None:
    project.makepyfile(
        test_wait="""
        import pathlib, time

        def test_wait(plexdev_client):
            pathlib.Path("ready").touch()
            time.sleep(60)
        """
    )
    command = [sys.executable, "-m", "pytest", "-k", "wait", *workers]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as pytest_run:
        sign = {"test": project.path / "ready", "bring-up": temporary}[moment]
        until(lambda: sign.is_file() or any(sign.glob("*/stack/logs/nats.log")), within_s=30)
        pytest_run.send_signal(number)
    # The documented limit is two seconds; a busy machine needs more.
    until(lambda: not processes_of(temporary) and not any(temporary.glob("plexdev*")), within_s=10)


def processes_of(directory: Path) -> list[str]:
    """The command lines of processes with *directory* in their command line or environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command, environment = (process / "cmdline").read_text(), (process / "environ").read_bytes()
        except OSError:
            continue
        # execnet needs ten seconds to stop an orphaned worker of pytest-xdist, which does not belong to the stack.
        is_worker = "exec(eval(" in command
        if not is_worker and (str(directory) in command or bytes(directory) in environment):
            found.append(command)
    return found
