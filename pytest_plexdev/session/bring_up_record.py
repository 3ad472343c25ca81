"""Record the events of a bring-up in the run's directory, for the controller, which may be another process."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_plexdev.core import progress
from pytest_plexdev.core.clock import unix_time
from pytest_plexdev.core.private_files import write_private
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.masking.rule import mask
from pytest_plexdev.report.event_file import encode
from pytest_plexdev.report.events import BringUpBegan, BringUpEnded, Event, PhaseBegan, PhaseEnded, VerdictChanged

if TYPE_CHECKING:
    from pytest_plexdev.session.run import Run

FILE: Final = "bring-up.jsonl"
"""Name of the file in the run's directory."""


class BringUpRecord:
    """Receives the progress of a bring-up. Of the processes of a run one has events: the one that starts the stack."""

    def __init__(self) -> None:
        self._events: list[Event] = []

    def begin(self) -> None:
        """Record that this process starts the stack. A second call does nothing."""
        if not self._events:
            self._events.append(BringUpBegan(at=unix_time()))

    def __call__(self, event: progress.ProgressEvent) -> None:
        """Record an event of the provider. Several threads may call it."""
        self.begin()
        at = unix_time()
        match event:
            case progress.PhaseBegan():
                self._events.append(PhaseBegan(at=at, name=event.name))
            case progress.PhaseEnded():
                self._events.append(PhaseEnded(at=at, name=event.phase.name))
            case progress.VerdictChanged(verdict=verdict):
                reason, hint = mask(verdict.reason), mask(verdict.hint)
                self._events.append(
                    VerdictChanged(at=at, name=verdict.name, state=verdict.state, reason=reason, hint=hint)
                )

    def end(self, run: Run, *, error: str = "") -> None:
        """Write the events, if this process has some and no other has written any. A failure is ignored."""
        if not self._events:
            return
        self._events.append(BringUpEnded(at=unix_time(), error=error))
        with contextlib.suppress(OSError, PlexdevError):
            run.hold()  # creates the directory
            file = run.directory / FILE
            if not file.exists():
                write_private(file, encode(self._events))


@contextlib.contextmanager
def recording(run: Run) -> Iterator[BringUpRecord]:
    """Record the bring-up in the body, also one that fails."""
    record = BringUpRecord()
    try:
        yield record
    except PlexdevError as error:
        record.end(run, error=str(error))
        raise
    except BaseException as error:
        record.end(run, error=mask(f"{type(error).__name__}: {error}"))
        raise
    record.end(run)


def read_record(directory: Path) -> list[Event]:
    """Return the events that a process of the run recorded in the run's directory.

    Raises:
        PlexdevError: ``events-unreadable``.
    """
    from pytest_plexdev.report.event_file import read_events

    file = directory / FILE
    return read_events(file) if file.is_file() else []
