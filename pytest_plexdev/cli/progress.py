"""Show a bring-up: live on a terminal, one line per event in CI, one JSON object per event for programs."""

from __future__ import annotations

import contextlib
import json
import sys
import threading
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from pytest_plexdev.core.model import PhaseBegan, PhaseEnded, Progress, ProgressEvent, VerdictChanged


@contextlib.contextmanager
def show(*, as_json: bool) -> Iterator[Progress]:
    """A progress that shows events on standard error; as JSON an object a line, for standard output has the result."""
    if as_json:
        yield _one_at_a_time(_print_json)
    elif sys.stderr.isatty():
        with _live() as progress:
            yield _one_at_a_time(progress)
    else:
        yield _one_at_a_time(_print_line)


def _one_at_a_time(progress: Progress) -> Progress:
    # Phases that run at the same time tell from threads of their own; a line and its end are two writes.
    lock = threading.Lock()

    def locked(event: ProgressEvent) -> None:
        with lock:
            progress(event)

    return locked


def _print_line(event: ProgressEvent) -> None:
    match event:
        case PhaseEnded():
            _error(f"plexdev: {event.phase.name} ready after {event.phase.seconds:.2f} s")
        case VerdictChanged() if event.verdict.reason:
            _error(_mask(f"plexdev: {event.verdict.name}: {event.verdict.reason}"))
        case _:
            pass


def _print_json(event: ProgressEvent) -> None:
    _error(_mask(json.dumps({"event": type(event).__name__, **asdict(event)})))


@contextlib.contextmanager
def _live() -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import Progress as Display
    from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(finished_text="✓"), TextColumn("{task.description}"), TimeElapsedColumn())
    with Display(*columns, console=Console(stderr=True), transient=True) as display:
        yield _Screen(display)


class _Screen:
    """One line a phase."""

    def __init__(self, display: Any) -> None:
        self._display = display
        self._tasks: dict[str, Any] = {}

    def __call__(self, event: ProgressEvent) -> None:
        match event:
            case PhaseBegan():
                self._tasks[event.name] = self._display.add_task(event.name, total=1)
            case PhaseEnded():
                self._display.update(self._tasks[event.phase.name], completed=1)
            case VerdictChanged() if event.verdict.reason:
                self._display.console.print(_mask(f"{event.verdict.name}: {event.verdict.reason}"))
            case _:
                pass


def _mask(text: str) -> str:
    """The text of a verdict, which may be the end of a log, without secrets."""
    from pytest_plexdev.masking.rule import mask  # patterns that a stack which is there already does not need

    return mask(text)


def _error(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
