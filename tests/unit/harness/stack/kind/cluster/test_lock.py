from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from pytest_plexdev.core.cancellation import Cancelled, cancel, fail_after, spawn
from pytest_plexdev.core.progress import ProgressEvent, VerdictChanged
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.stack.kind.cluster.lock import exclusive, exclusive_build

HOLDER = """
import sys, time
from pathlib import Path
from pytest_plexdev.stack.kind.cluster.lock import exclusive
with exclusive(Path(sys.argv[1]), timeout=5, progress=lambda event: None):
    print("has it", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def holder(tmp_path: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "has it\n"
    return process


def reasons(events: list[ProgressEvent]) -> list[str]:
    return [event.verdict.reason for event in events if isinstance(event, VerdictChanged)]


def test_who_waits_is_told_for_whom_and_then_has_it(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    events: list[ProgressEvent] = []

    def release_once_reported(event: ProgressEvent) -> None:
        events.append(event)
        if len(events) == 1:
            holder.communicate("\n")

    with exclusive(tmp_path, timeout=10, progress=release_once_reported):
        assert holder.wait(5) == 0

    waiting, waited = reasons(events)
    assert f"(pid {holder.pid}), held for" in waiting
    assert re.match(r"waited \d", waited)


def test_the_time_is_up(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    with pytest.raises(PlexdevError) as refusal, exclusive(tmp_path, timeout=0.2, progress=lambda _: None):
        pass
    holder.communicate("\n")

    assert refusal.value.tag == "cluster-busy"
    assert refusal.value.exit_code == 124
    assert f"kill {holder.pid}" in str(refusal.value)


def test_waiting_for_an_image_build_names_the_holder(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    notes: list[str] = []
    with pytest.raises(PlexdevError) as refusal, fail_after(0.1), exclusive_build(tmp_path / "kind.lock", notes.append):
        pass
    holder.communicate("\n")

    assert refusal.value.tag == "images-busy"
    assert refusal.value.exit_code == 124
    assert f"(pid {holder.pid}), held for" in notes[0]


def test_who_waits_in_a_thread_ends_when_its_work_was_given_up(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    waits = threading.Event()

    def work() -> None:
        with exclusive_build(tmp_path / "kind.lock", lambda _: waits.set()):
            pass

    began = time.monotonic()
    with fail_after(600):
        future = spawn(work)
        assert waits.wait(10)
        cancel()
    holder.communicate("\n")

    assert isinstance(future.exception(), Cancelled)
    assert time.monotonic() - began < 10


def test_a_killed_holder_holds_nothing(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    holder.kill()
    holder.communicate()
    events: list[ProgressEvent] = []
    began = time.monotonic()

    with exclusive(tmp_path, timeout=5, progress=events.append):
        pass

    assert events == []
    assert time.monotonic() - began < 1


def test_it_is_given_back_whatever_happens(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), exclusive(tmp_path, timeout=1, progress=lambda _: None):
        raise ZeroDivisionError
    with exclusive(tmp_path, timeout=0.1, progress=lambda _: None):
        pass


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(PlexdevError) as refusal, exclusive(tmp_path / "file" / "x", timeout=1, progress=lambda _: None):
        pass

    assert refusal.value.tag == "state-unwritable"
