"""Spans of a text that masking replaces: what stands for a secret, and how a text is put together again."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

MASK: Final = "***"
LONG: Final = 16
"""Characters from which a value is most likely no word that a text has by chance."""
_MASKED: Final = re.compile(r"(?:\w+_|eyJ)?\*\*\*\w{0,4}|\[secure\]|None|null|[Tt]rue|[Ff]alse", re.ASCII)
"""What is no secret (any more); ``[secure]`` is httpx's."""
_IN_QUOTES: Final = {
    '"': re.compile(r'(?:[^"\\\n]|\\.)*+'),
    "'": re.compile(r"(?:[^'\\\n]|\\.)*+"),
}
_ANY_QUOTE: Final = re.compile(r"(?<!\\)(\\*+)([\"'])|\n")

Span = tuple[int, int, str]
"""Where a value begins and ends, and what stands for it."""


def replace(
    text: str,
    pattern: re.Pattern[str],
    value_of: Callable[[str, re.Match[str]], Span | None],
    *,
    searched: str | None = None,
) -> str:
    """Replace the values that follow what *pattern* finds; it goes on after each, so that none is read twice.

    Args:
        searched: Where the pattern is searched, with the positions of *text*; by default in *text*.
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
    """What stands for *value*: itself, where it is masked already or no secret."""
    return value if _MASKED.fullmatch(value) else MASK


def is_random(value: str) -> bool:
    """Whether *value* is unlike any word, wherever it stands."""
    return len(value) >= LONG and any(letter.isdigit() for letter in value)


def end_of_match(pattern: re.Pattern[str], text: str, begin: int) -> int:
    """Where what *pattern* matches at *begin* ends; *begin* where it does not match."""
    match = pattern.match(text, begin)
    return match.end() if match else begin


def end_of_line(text: str, begin: int) -> int:
    """Where the line ends, a ``\\n`` in a repr included."""
    ends = [end for end in (text.find("\n", begin), text.find("\\n", begin)) if end >= 0]
    return min(ends, default=len(text))


def end_of_quoted(text: str, begin: int, quote: str) -> int:
    """Where the value behind *quote* ends: before the same quote, with its backslashes or fewer, or with the line."""
    if len(quote) == 1:
        return end_of_match(_IN_QUOTES[quote], text, begin)
    for found in _ANY_QUOTE.finditer(text, begin):
        if found[2] is None or (found[2] == quote[-1] and len(found[1]) < len(quote)):
            return found.start()
    return len(text)
