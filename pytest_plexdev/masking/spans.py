"""Replace spans of a text, and find where a value ends."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

MASK: Final = "***"
LONG: Final = 16
"""Minimum length of a value that is unlikely to be a word."""
_MASKED: Final = re.compile(r"(?:\w+_|eyJ)?\*\*\*\w{0,4}|\[secure\]|None|null|[Tt]rue|[Ff]alse", re.ASCII)
"""Values that are not secret or already masked; ``[secure]`` is httpx's mask."""
_IN_QUOTES: Final = {
    '"': re.compile(r'(?:[^"\\\n]|\\.)*+'),
    "'": re.compile(r"(?:[^'\\\n]|\\.)*+"),
}
_ANY_QUOTE: Final = re.compile(r"(?<!\\)(\\*+)([\"'])|\n")

Span = tuple[int, int, str]
"""Begin and end of a value, and its replacement."""


def replace(
    text: str,
    pattern: re.Pattern[str],
    value_of: Callable[[str, re.Match[str]], Span | None],
    *,
    searched: str | None = None,
) -> str:
    """Replace the value after each match of *pattern*. The search continues after the value.

    Args:
        value_of: Returns the span of the value after a match and its replacement; ``None``: no replacement.
        searched: The text in which *pattern* is searched, with the same positions as *text*; by default *text*.
    """
    searched = text if searched is None else searched
    parts: list[str] = []
    copied = position = 0
    while match := pattern.search(searched, position):
        span = value_of(text, match)
        position = match.end(1)
        if span is not None:
            begin, end, shown = span
            parts += [text[copied:begin], shown]
            copied = end
            position = max(position, end)
    return "".join([*parts, text[copied:]])


def shown(value: str) -> str:
    """Return the replacement for *value*: the mask, or *value* itself if it is masked already or not a secret."""
    return value if _MASKED.fullmatch(value) else MASK


def is_random(value: str) -> bool:
    """Whether *value* looks random rather than like a word."""
    return len(value) >= LONG and any(letter.isdigit() for letter in value)


def end_of_match(pattern: re.Pattern[str], text: str, begin: int) -> int:
    """Return the end of the match of *pattern* at *begin*, or *begin* if it does not match."""
    match = pattern.match(text, begin)
    return match.end() if match else begin


def end_of_line(text: str, begin: int) -> int:
    """Return the end of the line, which can also be a literal ``\\n`` in a repr."""
    ends = [end for end in (text.find("\n", begin), text.find("\\n", begin)) if end >= 0]
    return min(ends, default=len(text))


def end_of_quoted(text: str, begin: int, quote: str) -> int:
    """Return the end of a quoted value: before the same quote with as many or fewer backslashes, or at the line end."""
    if len(quote) == 1:
        return end_of_match(_IN_QUOTES[quote], text, begin)
    for found in _ANY_QUOTE.finditer(text, begin):
        if found[2] is None or (found[2] == quote[-1] and len(found[1]) < len(quote)):
            return found.start()
    return len(text)
