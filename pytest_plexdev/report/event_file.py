"""Write and read ``events.jsonl``: one event per line, and a run's first line names the version of the schema."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from pytest_plexdev.core.untrusted_json import decode_as
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.tests import EVENTS_UNREADABLE
from pytest_plexdev.report.events import VERSION, Event, RunBegan

_BEGINNING: Final = b'{"event":"run-began",'
_DECODER: Final = msgspec.json.Decoder(Event)


class _Versioned(msgspec.Struct):
    version: int = VERSION


def encode(events: Iterable[Event]) -> bytes:
    """Encode events as lines."""
    return b"".join(msgspec.json.encode(event) + b"\n" for event in events)


def is_ours(path: Path) -> bool:
    """Whether *path* may be written: it does not exist, is empty, or has the events of a run."""
    if not path.exists():
        return True
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return _BEGINNING.startswith(file.read(len(_BEGINNING)))


def read_runs(path: Path) -> list[list[Event]]:
    """Read a file of events, which may be several runs' files joined.

    An incomplete last line is ignored, because the disk may have been full.

    Returns:
        The events of each run.

    Raises:
        PlexdevError: ``events-unreadable``.
    """
    runs: list[list[Event]] = []
    for event in read_events(path):
        if isinstance(event, RunBegan):
            runs.append([])
        elif not runs:
            raise _unreadable(path, "it does not begin with the first line of a run")
        runs[-1].append(event)
    if not runs:
        raise _unreadable(path, "it has no events")
    return runs


def read_events(path: Path) -> list[Event]:
    """Read the events of a file, whatever the first one is.

    Raises:
        PlexdevError: ``events-unreadable``.
    """
    try:
        # Not splitlines() of text: a string in JSON may have other line separators.
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from None
    return [*_decode(path, lines)]


def _decode(path: Path, lines: list[bytes]) -> Iterator[Event]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            event = _DECODER.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            if number == len(lines) > 1:
                return  # incomplete: a line ends with a newline, so what follows the last newline is empty
            raise _unreadable(path, _newer(line) or f"line {number}: {error}") from None
        if isinstance(event, RunBegan) and event.version > VERSION:
            raise _unreadable(path, _newer(line))
        yield event


def _newer(line: bytes) -> str:
    """The reason if *line* is the first one of a run with a later schema; else empty."""
    try:
        version = decode_as(line, _Versioned).version
    except msgspec.MsgspecError:
        return ""
    return f"its schema has version {version}, and this plexdev reads {VERSION}" if version > VERSION else ""


def _unreadable(path: Path, reason: str) -> PlexdevError:
    return PlexdevError(EVENTS_UNREADABLE, path=path, reason=reason)
