"""The events of a run: the outcome of each test, failures with their evidence, and nothing that is secret."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from pytest_plexdev.report.event_file import read_runs
from pytest_plexdev.report.events import Event, FailureOfTest, OutcomeOfTest, RunBegan, RunEnded, StackUsed
from tests.support.fake_stack import CONFTEST

OF_EVERY_KIND = """
import os
import pytest

@pytest.fixture
def broken():
    raise LookupError("no fixture")

@pytest.fixture
def falls():
    yield
    assert not "torn down"

def test_passes():
    pass

def test_fails():
    print("printed psk_dev_aaaa_bbbb")
    assert not "psk_dev_cccc_dddd"

def test_errs(broken):
    pass

def test_falls(falls):
    pass

def test_fails_and_falls(falls):
    assert False

def test_skips():
    pytest.skip("not today")

@pytest.mark.skip(reason="marked")
def test_marked():
    pass

@pytest.mark.xfail(reason="known")
def test_known():
    assert False

@pytest.mark.xfail(reason="known")
def test_fixed():
    pass
"""
OUTCOMES = {
    "test_passes": "passed",
    "test_fails": "failed",
    "test_errs": "error",
    "test_falls": "error",
    "test_fails_and_falls": "failed",
    "test_skips": "skipped",
    "test_marked": "skipped",
    "test_known": "xfailed",
    "test_fixed": "xpassed",
}
WORKERS = pytest.mark.parametrize("workers", [[], ["-n", "2"]])


def events_of(project: pytest.Pytester) -> Sequence[Event]:
    (events,) = read_runs(project.path / ".plexdev" / "events.jsonl")
    return events


def results(events: Sequence[Event]) -> dict[str, OutcomeOfTest]:
    return {each.test.partition("::")[2]: each for each in events if isinstance(each, OutcomeOfTest)}


def failures(events: Sequence[Event]) -> dict[tuple[str, str], FailureOfTest]:
    return {(each.test.partition("::")[2], each.phase): each for each in events if isinstance(each, FailureOfTest)}


@WORKERS
def test_each_test_has_its_outcome(project: pytest.Pytester, workers: list[str]) -> None:
    project.makeconftest(CONFTEST)
    project.makepyfile(test_kinds=OF_EVERY_KIND)
    result = project.runpytest_subprocess(*workers)
    events = events_of(project)

    assert {name: each.outcome for name, each in results(events).items()} == {**OUTCOMES, "test_plain": "passed"}
    assert results(events)["test_skips"].reason == "not today"
    assert results(events)["test_known"].reason == "known"
    assert [phase.name for phase in results(events)["test_passes"].phases] == ["setup", "call", "teardown"]
    assert {each.worker for each in results(events).values()} <= ({"gw0", "gw1"} if workers else {""})
    first, last = events[0], events[-1]
    assert isinstance(first, RunBegan)
    assert first.project == project.path.name
    assert isinstance(last, RunEnded)
    assert last.exit_code == result.ret == 1


@WORKERS
def test_a_failure_has_its_evidence_masked(project: pytest.Pytester, workers: list[str]) -> None:
    project.makeconftest(CONFTEST)
    project.makepyfile(test_kinds=OF_EVERY_KIND)
    project.runpytest_subprocess(*workers)
    found = failures(events_of(project))

    assert set(found) == {
        ("test_fails", "call"),
        ("test_errs", "setup"),
        ("test_falls", "teardown"),
        ("test_fails_and_falls", "call"),
        ("test_fails_and_falls", "teardown"),
    }
    failed = found["test_fails", "call"]
    assert failed.message.startswith("AssertionError: assert not 'psk_***")
    assert failed.folder == ".plexdev/test_kinds.py-test_fails"
    evidence = {each.title: each.text for each in failed.evidence}
    assert evidence["Captured stdout call"] == "printed psk_***\n"
    assert "plexsphere  waiting" in evidence["readiness"]
    assert "a line of the log, token psk_***" in evidence["logs"]
    assert b"aaaa" not in (project.path / ".plexdev" / "events.jsonl").read_bytes()


@WORKERS
def test_a_module_that_cannot_be_collected(project: pytest.Pytester, workers: list[str]) -> None:
    project.makeconftest(CONFTEST)
    project.makepyfile(test_broken="import no_such_module\n")
    project.runpytest_subprocess("--plexdev-report=report.html", "--continue-on-collection-errors", *workers)
    (failure,) = failures(events_of(project)).values()

    assert (failure.test, failure.phase) == ("test_broken.py", "collect")
    assert "No module named 'no_such_module'" in failure.text


def test_a_worker_that_crashes(project: pytest.Pytester) -> None:
    project.makeconftest(CONFTEST)
    project.makepyfile(test_crash="import os\n\ndef test_crash():\n    os._exit(3)\n")
    project.runpytest_subprocess("-n", "1")
    events = events_of(project)

    assert results(events)["test_crash"].outcome == "failed"
    assert "crashed" in failures(events)["test_crash", "call"].text


def test_a_test_that_is_repeated_has_its_last_outcome(project: pytest.Pytester) -> None:
    project.makeconftest(
        f"""{CONFTEST}
from _pytest.runner import runtestprotocol

@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    for _ in range(2):
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
        if again := any(report.failed for report in reports):
            reports = [report for report in reports if not report.failed]
        for report in reports:
            item.ihook.pytest_runtest_logreport(report=report)
        if not again:
            return True
"""
    )
    project.makepyfile(test_flaky="ran = []\n\ndef test_flaky():\n    ran.append(1)\n    assert len(ran) == 2\n")
    project.runpytest_subprocess().assert_outcomes(passed=2)

    flaky = results(events_of(project))["test_flaky"]
    assert (flaky.outcome, len(flaky.phases)) == ("passed", 3)


def test_the_stack_is_described(project: pytest.Pytester) -> None:
    project.makeconftest(f"{CONFTEST}\nFakeStack.drift = ('seed', 'pins')\nFakeStack.passed_over = 'a cluster'\n")
    project.runpytest_subprocess("--dev-stack")
    (stack,) = [each for each in events_of(project) if isinstance(each, StackUsed)]

    assert (stack.id, stack.was_running, stack.drift) == ("fake", True, ("seed", "pins"))
    assert stack.passed_over == "a cluster"
    assert [each.name for each in stack.services] == ["plexsphere"]


@pytest.mark.parametrize(("options", "writes"), [([], False), (["--plexdev-report=report.html"], True)])
def test_a_run_without_a_stack(project: pytest.Pytester, options: list[str], *, writes: bool) -> None:
    project.runpytest_subprocess(*options).assert_outcomes(passed=1)

    assert (project.path / ".plexdev" / "events.jsonl").exists() is writes


def test_another_file_of_that_name_stays(project: pytest.Pytester) -> None:
    project.makeconftest(CONFTEST)
    output = Path(project.mkdir("mine"))
    (output / "events.jsonl").write_text("my own\n")
    result = project.runpytest_subprocess("--plexdev-output=mine", "--plexdev-report=report.html")

    assert result.ret == 0
    assert (output / "events.jsonl").read_text() == "my own\n"
    result.stdout.fnmatch_lines(
        ["plexdev: warning: no events are written to mine: the existing file has no events of plexdev"]
    )
