"""Show the progress of a bring-up: live on a terminal, else one line or one JSON object per event."""

from __future__ import annotations

import contextlib
import json
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from typing import Any

from pytest_plexdev.core.ci_log import find_ci_log
from pytest_plexdev.core.progress import PhaseBegan, PhaseEnded, Progress, ProgressEvent, VerdictChanged


@contextlib.contextmanager
def show(*, as_json: bool) -> Iterator[Progress]:
    """Yield a progress callback that shows events on standard error. It can be called from several threads.

    Args:
        as_json: Write one JSON object per line.
    """
    if as_json:
        yield _serialized(_print_json)
    elif sys.stderr.isatty():
        with _live() as progress:
            yield _serialized(progress)
    else:
        with _folded() as write:
            yield _serialized(partial(_print_line, write))


def _serialized(progress: Progress) -> Progress:
    # Concurrent phases report from their own threads, and print() writes a line and its newline separately.
    lock = threading.Lock()

    def locked(event: ProgressEvent) -> None:
        with lock:
            progress(event)

    return locked


@contextlib.contextmanager
def _folded() -> Iterator[Callable[[str], None]]:
    """Fold the lines that the body writes in the log of a CI job, if one runs this process."""
    log = find_ci_log()
    if log is None:
        yield _write
        return
    fold = log.fold("plexdev: progress")
    _write(fold.begin)
    try:
        yield lambda text: _write(log.within(text))
    finally:
        _write(fold.end)


def _print_line(write: Callable[[str], None], event: ProgressEvent) -> None:
    match event:
        case PhaseEnded():
            write(f"plexdev: {event.phase.name} ready after {event.phase.seconds:.2f} s")
        case VerdictChanged() if event.verdict.reason:
            write(_mask(f"plexdev: {event.verdict.name}: {event.verdict.reason}"))
        case _:
            pass


def _print_json(event: ProgressEvent) -> None:
    _write(_mask(json.dumps({"event": type(event).__name__, **asdict(event)})))


@contextlib.contextmanager
def _live() -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import Progress as Display
    from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(finished_text="✓"), TextColumn("{task.description}"), TimeElapsedColumn())
    with Display(*columns, console=Console(stderr=True), transient=True) as display:
        yield _LiveDisplay(display)


class _LiveDisplay:
    """A display with one line per phase."""

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
    """Mask secrets in the text of a verdict, which may be the end of a log."""
    from pytest_plexdev.masking.rule import mask  # lazy: it compiles patterns, and a running stack has no events

    return mask(text)


def _write(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
