"""Put text of any content into Markdown."""

from __future__ import annotations

import re
from typing import Final

_BACKTICKS: Final = re.compile(r"`+")
_SPECIAL: Final = re.compile(r"([\\`*_<>\[\]|#&~])")


def plain(text: str) -> str:
    """Return *text* so that none of it is markup, on one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def code(text: str) -> str:
    """Return *text* as a span of code."""
    ticks = "`" * (1 + _longest_run(text))
    padding = " " if "`" in text else ""
    return f"{ticks}{padding}{text}{padding}{ticks}"


def fenced(text: str) -> list[str]:
    """Return the lines of a block of *text*, whose fence does not occur in it."""
    fence = "`" * max(3, 1 + _longest_run(text))
    return [f"{fence}text", text, fence]


def _longest_run(text: str) -> int:
    return max(map(len, _BACKTICKS.findall(text)), default=0)
