"""Time the phases of a bring-up and report them as events. Several may run at once."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from pytest_plexdev.core.model import Phase
from pytest_plexdev.core.progress import PhaseBegan, PhaseEnded, Progress


class Phases:
    """The phases of one bring-up, which starts with the creation of the object."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._began = time.monotonic()
        self._done: list[Phase] = []

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time the body as one phase. A phase that fails is not recorded."""
        began = time.monotonic()
        self._progress(PhaseBegan(name=name))
        yield
        phase = Phase(name=name, seconds=time.monotonic() - began, began=began - self._began)
        self._done.append(phase)
        self._progress(PhaseEnded(phase=phase))

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._began

    @property
    def done(self) -> tuple[Phase, ...]:
        """The completed phases, in the order of their starts."""
        return tuple(sorted(self._done, key=lambda phase: phase.began))
