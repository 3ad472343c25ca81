"""Time the phases of a bring-up and report them as events. Several may run at once."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from pytest_plexdev.core.model import Phase, PhaseBegan, PhaseEnded, Progress


class Phases:
    """Those of one bring-up, which begins now."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._began = time.monotonic()
        self._done: list[Phase] = []

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """One part; a part that fails has no end."""
        began = time.monotonic()
        self._progress(PhaseBegan(name=name))
        yield
        phase = Phase(name=name, seconds=time.monotonic() - began, began=began - self._began)
        self._done.append(phase)
        self._progress(PhaseEnded(phase=phase))

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self._began

    @property
    def done(self) -> tuple[Phase, ...]:
        """Those that ended, in the order of their beginnings."""
        return tuple(sorted(self._done, key=lambda phase: phase.began))
