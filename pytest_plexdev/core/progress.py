"""Progress events of a bring-up, and the type of their receiver."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from pytest_plexdev.core.model import Phase, Verdict


@dataclass(frozen=True, kw_only=True)
class PhaseBegan:
    name: str


@dataclass(frozen=True, kw_only=True)
class VerdictChanged:
    verdict: Verdict


@dataclass(frozen=True, kw_only=True)
class PhaseEnded:
    phase: Phase


ProgressEvent: TypeAlias = PhaseBegan | VerdictChanged | PhaseEnded
Progress: TypeAlias = Callable[[ProgressEvent], None]


def no_progress(_: ProgressEvent) -> None:
    """Ignore the events."""
