"""The progress output while phases run concurrently."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from time import sleep
from typing import TYPE_CHECKING

from pytest_plexdev.cli.main import main
from pytest_plexdev.cli.progress import show
from pytest_plexdev.core.model import Phase, Verdict
from pytest_plexdev.core.progress import PhaseBegan, PhaseEnded, VerdictChanged
from tests.support.workflow_commands import commands_of

if TYPE_CHECKING:
    import pytest

HOSTILE = VerdictChanged(verdict=Verdict(name="dex", state="waiting", reason="x\n::error::forged"))


class Slow:
    """A stream that switches to another thread after each write."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> int:
        sleep(0.0002)
        self.text += text
        return len(text)

    def flush(self) -> None:
        pass


def test_events_of_phases_that_run_at_once_are_whole_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Slow()
    monkeypatch.setattr("sys.stderr", stream)
    with show(as_json=True) as progress, ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: progress(PhaseBegan(name=f"phase {number}")), range(100)))

    events = [json.loads(line) for line in stream.text.splitlines()]
    assert {each["name"] for each in events} == {f"phase {number}" for number in range(100)}


def test_a_job_of_github_folds_the_progress(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    with show(as_json=False) as progress:
        progress(PhaseEnded(phase=Phase(name="nats", seconds=0.25)))
        progress(HOSTILE)

    shown = capsys.readouterr().err
    assert "\nplexdev: nats ready after 0.25 s\nplexdev: dex: x\n" in shown
    assert [*commands_of(shown)] == ["::group::plexdev: progress", "::endgroup::"]


def test_the_progress_for_programs_has_no_groups(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    with show(as_json=True) as progress:
        progress(HOSTILE)

    assert json.loads(capsys.readouterr().err)["event"] == "VerdictChanged"


def test_a_command_that_fails_annotates_its_job(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")

    assert main(["env", "--stack", "embedded"]) == 1
    (command,) = commands_of(capsys.readouterr().err)
    assert command.startswith("::error title=plexdev[stack-missing]::")
    assert "%0Afix: plexdev up" in command
    main(["env", "--stack", "embedded", "--json"])
    assert capsys.readouterr().err == ""
