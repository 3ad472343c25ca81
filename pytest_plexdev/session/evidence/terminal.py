"""Fit evidence into a terminal: lines are wrapped between words, and the end of a long section is shown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

LINES: Final = 15
"""Number of lines of a section that the terminal shows, from its end; the file has all."""
BODY_LINES: Final = 3
"""Number of lines of the terminal that a body may take."""
_LONGEST_WORD: Final = 500
"""Maximum length of a line that could not be broken."""
_WORD: Final = re.compile(r"\s*[^\s,]*,*")
"""A word with the space before it. A comma ends a word too, since JSON has no spaces."""


def wrap(text: str, columns: int) -> list[str]:
    """Break the lines of *text* between words; continuation lines are indented. A longer word has its own line."""
    return [wrapped for line in text.splitlines() for wrapped in _wrap(line, columns)]


def wrap_command(parts: Sequence[str], columns: int, *, indent: str) -> list[str]:
    """Break a command between its parts, so that it can be pasted."""
    lines = [indent + parts[0]]
    for part in parts[1:]:
        # Two columns for the backslash.
        if len(lines[-1]) + 1 + len(part) + 2 <= columns:
            lines[-1] += f" {part}"
        else:
            lines[-1] += " \\"
            lines.append(f"{indent}  {part}")
    return lines


def shorten(text: str, columns: int) -> str:
    """Return the beginning of a body, cut between words."""
    limit = BODY_LINES * columns
    if len(text) <= limit:
        return text
    kept = "".join(_up_to(_WORD.findall(text), limit)) or text[:limit]
    return f"{kept}… ({len(text) - len(kept)} more characters)"


def last_lines(text: str, columns: int, *, most: int = LINES) -> str:
    """Return the last lines of *text*, wrapped, and how many there are before."""
    lines = wrap(text, columns)
    shown = [line if len(line) <= _LONGEST_WORD else f"{line[:_LONGEST_WORD]}…" for line in lines[-most:]]
    return "\n".join([f"… ({len(lines) - most} lines before)", *shown] if len(lines) > most else shown)


def _up_to(words: Iterable[str], limit: int) -> Iterator[str]:
    length = 0
    for word in words:
        length += len(word)
        if length > limit:
            return
        yield word


def _wrap(line: str, columns: int) -> Iterator[str]:
    if len(line) <= columns:
        yield line
        return
    indent = line[: len(line) - len(line.lstrip())] + "    "
    current = ""
    for word in _WORD.findall(line):
        if current.strip() and len(current) + len(word) > columns:
            yield current
            current = indent + word.lstrip()
        else:
            current += word
    yield current
