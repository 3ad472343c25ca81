"""Colours on a terminal, which ``NO_COLOR`` turns off (https://no-color.org)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import IO, TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pytest_plexdev.core.model import State, Verdict

_PALETTE: Final = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)
"""Foreground colours of ECMA-48 that are legible on a dark and on a light background, without red."""


_STATES: Final[Mapping[State, int]] = {"ready": 32, "waiting": 33, "doomed": 31, "gone": 31}


def has_colours(stream: IO[Any]) -> bool:
    """Whether text for *stream* may be coloured."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def nth_colour(text: str, number: int) -> str:
    """Colour *text* in the colour of the *number*-th of several things."""
    return f"\x1b[{_PALETTE[number % len(_PALETTE)]}m{text}\x1b[0m"


def state_colour(verdict: Verdict, text: str) -> str:
    """Colour *text* as the state of *verdict*: green, yellow or red."""
    return f"\x1b[{_STATES[verdict.state]}m{text}\x1b[0m"


def bold(text: str) -> str:
    """Make *text* bold."""
    return f"\x1b[1m{text}\x1b[0m"
