"""The file of events: what is written is read again, joined files are several runs, and a wrong file is an error."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.report.event_file import encode, is_ours, read_runs
from pytest_plexdev.report.events import Event, OutcomeOfTest, PhaseOfTest, RunBegan, RunEnded

RUN: list[Event] = [
    RunBegan(version=1, run="plexdev-1", at=1.5, project="agent", command="pytest"),
    OutcomeOfTest(
        test="test_a.py::test_a[\u2028]", outcome="passed", phases=(PhaseOfTest(name="call", began=2.0, ended=3.0),)
    ),
    RunEnded(at=4.0, exit_code=0),
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


def test_what_was_written_is_read(file: Path) -> None:
    file.write_bytes(encode(RUN))

    assert read_runs(file) == [RUN]
    first = json.loads(file.read_bytes().splitlines()[0])
    assert (first["event"], first["version"]) == ("run-began", 1)


def test_joined_files_are_several_runs(file: Path) -> None:
    file.write_bytes(encode(RUN) + b"\n" + encode(RUN))

    assert read_runs(file) == [RUN, RUN]


def test_an_incomplete_last_line_is_ignored(file: Path) -> None:
    file.write_bytes(encode(RUN)[:-10])

    assert read_runs(file) == [RUN[:-1]]


def test_unknown_members_are_ignored(file: Path) -> None:
    line = {"event": "run-began", "version": 1, "run": "x", "at": 1.0, "project": "x", "command": "x", "mood": "good"}
    file.write_text(json.dumps(line) + "\n")

    assert isinstance(read_runs(file)[0][0], RunBegan)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it has no events"),
        (b"# Heading\n", "line 1: JSON is malformed"),
        (b'{"event": "run-ended", "at": 1.0, "exit_code": 0}\n', "it does not begin with the first line of a run"),
        (b'{"event":"run-began","version":2,"new":true}\n', "its schema has version 2, and this plexdev reads 1"),
        (encode(RUN[:1]).replace(b'"version":1', b'"version":7'), "its schema has version 7, and this plexdev reads 1"),
        (encode(RUN[:1]) + b'{"event": "no such"}\n', "line 2: Invalid value 'no such'"),
        (b"[" * 100_000 + b"\n", "line 1: "),
        (b'"\xff"\n', "line 1: "),
        (None, "No such file or directory"),
    ],
)
def test_another_file_is_an_error(file: Path, content: bytes | None, reason: str) -> None:
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(PlexdevError) as caught:
        read_runs(file)
    assert caught.value.headline.startswith(
        f"plexdev[events-unreadable]: {file} cannot be read as the events of a run: {reason}"
    )


@pytest.mark.parametrize(
    ("content", "ours"), [(None, True), (b"", True), (encode(RUN), True), (b"{}\n", False), (b"my events", False)]
)
def test_only_events_are_replaced(file: Path, content: bytes | None, *, ours: bool) -> None:
    if content is not None:
        file.write_bytes(content)

    assert is_ours(file) is ours


def test_a_directory_of_that_name_is_not_replaced(file: Path) -> None:
    file.mkdir()

    assert not is_ours(file)
