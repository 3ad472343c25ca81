"""Colours on a terminal, which ``NO_COLOR`` turns off (https://no-color.org)."""

from __future__ import annotations

import os
from typing import IO, Any, Final

_PALETTE: Final = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)
"""Foreground colours of ECMA-48 that are legible on a dark and on a light background, without red."""


def has_colours(stream: IO[Any]) -> bool:
    """Whether text for *stream* may be coloured."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def nth_colour(text: str, number: int) -> str:
    """Colour *text* in the colour of the *number*-th of several things."""
    return f"\x1b[{_PALETTE[number % len(_PALETTE)]}m{text}\x1b[0m"
