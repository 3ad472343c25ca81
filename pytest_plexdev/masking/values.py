"""Find the value after the name of a secret, in each syntax: forms, JSON, reprs, YAML, ini, command lines."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from pytest_plexdev.masking.names import WEAK
from pytest_plexdev.masking.spans import LONG, MASK, Span, end_of_match, end_of_quoted, is_random, shown

_PLAIN_WORD: Final = re.compile(r"[A-Za-z_-]{0,24}", re.ASCII)
_TO_DELIMITER: Final = re.compile(r"[^&\s\"']*+")
_TO_ENCODED_DELIMITER: Final = re.compile(r"(?:(?!%(?:25){0,4}26)[^&\s\"'])*+", re.IGNORECASE)
_REST_OF_LINE: Final = re.compile(r"((?:(?!\\[nr])[^\s\"'])++)[ \t]{0,80}(?=[\r\n\"']|\\[nr]|\Z|(?<=[ \t])[#;])")
"""A word up to the end of the line or a comment."""
_BLOCK: Final = re.compile(r"[|>][-+1-9]{0,2}[ \t]{0,80}\r?(\n|\\{1,8}n)([ \t]{1,80})")
"""The beginning of a YAML block scalar, also inside a repr or JSON."""
_MEMBER: Final = re.compile(r"(?![<(])[^\s\"',\[\]{}]++(?=[ \t]{0,80}[,}])")
_QUOTE_OR_LINE: Final = re.compile(r"[\"'\n]")
_FLOW_LOOKBEHIND: Final = 400
"""Number of characters before a member of ``{a: b}`` in which its brace is searched."""
_OBJECT: Final = re.compile(r"[A-Z]\w*\((?:\w+=|\))|<\w|\$[({]", re.ASCII)
"""The beginning of a repr, which masks itself, or of a reference to a variable."""
_PUNCTUATION: Final = ",;)]}"


def named_value(text: str, name: re.Match[str], found: Callable[[str], None]) -> Span | None:
    """Return the span of the value after *name* and its replacement, or ``None`` if no secret follows.

    Args:
        name: A match of :data:`~pytest_plexdev.masking.names.NAME`.
        found: Called with each value that is recognised only by its name.
    """
    word_begins = _begin_of_word(text, name.start())
    is_option = text.startswith("--", word_begins)
    begin = name.end()
    quote = name["quote"]
    if name[1] in WEAK and not (quote and word_begins == name.start()):
        return None
    if name["space"] is not None and not is_option and not (quote == "'" and name[1] == "password"):
        return None
    if name["sign"] == "," and not (name["closed"] and quote and (is_option or _opens_tuple(text, word_begins))):
        return None
    if quote:
        end = end_of_quoted(text, begin, quote)
    else:
        unquoted = _unquoted(text, name, word_begins, is_option=is_option)
        if unquoted is None:
            return None
        begin, end = unquoted
    value = text[begin:end]
    if not value or (name[1] in WEAK and not _is_weak_secret(name[1], value)):
        return None
    replacement = shown(value)
    if replacement == MASK and quote and "\\" not in value and len(value) >= LONG:
        found(value)
    return begin, end, replacement


def _is_weak_secret(name: str, value: str) -> bool:
    if name == "state":
        return not _PLAIN_WORD.fullmatch(value)
    return is_random(value)


def _unquoted(text: str, name: re.Match[str], word_begins: int, *, is_option: bool) -> tuple[int, int] | None:
    """The position of an unquoted value; ``None`` if no value follows, or an object that masks itself."""
    begin = name.end()
    if name["encoded"]:
        return begin, end_of_match(_TO_ENCODED_DELIMITER, text, begin)
    if _OBJECT.match(text, begin):
        return None
    is_spaced = bool(name["before"] or name["after"])
    if name["space"] is not None or (name["sign"] == "=" and not is_spaced):
        end = end_of_match(_TO_DELIMITER, text, begin)
        while end > begin and text[end - 1] in _PUNCTUATION:
            end -= 1
        return begin, end
    if name["closed"] or name["beside"] or name["sign"] == ",":
        return None  # a JSON number, or an object, whose members are matched by their own names
    return _of_line(text, name, word_begins, is_option=is_option)


def _of_line(text: str, name: re.Match[str], word_begins: int, *, is_option: bool) -> tuple[int, int] | None:
    """The value in a line of YAML, ini or headers, which is one word: several words are prose."""
    begin = name.end()
    begins_line = _begins_line(text, word_begins)
    if name["sign"] == ":":
        if begins_line and (block := _BLOCK.match(text, begin)):
            return block.end(), _end_of_block(text, block)
        if _is_in_flow(text, word_begins) and (member := _MEMBER.match(text, begin)):
            return member.span()
    line = _REST_OF_LINE.match(text, begin)
    if line is None or line[1][0] in "<([{" or re.fullmatch(r"[\d.]{1,9}", line[1]):
        return None
    return line.span(1) if begins_line or is_random(line[1]) or is_option else None


def _end_of_block(text: str, block: re.Match[str]) -> int:
    """The end of a YAML block scalar: before the first line that is indented less than its first line."""
    newline, indent = block[1], block[2]
    last = len(text)
    if newline != "\n":  # inside a repr or JSON: it ends before the closing quote
        quote = _QUOTE_OR_LINE.search(text, block.end())
        last = quote.start() if quote else last
    end = block.end()
    while (found := text.find(newline, end, last)) >= 0:
        if not text.startswith((indent, newline), found + len(newline)):
            return found
        end = found + len(newline)
    return last


def _is_in_flow(text: str, position: int) -> bool:
    """Whether a member of ``{a: b, c: d}`` begins at *position*."""
    before = text[max(0, position - _FLOW_LOOKBEHIND) : position].rstrip(" \t")
    line = before[before.rfind("\n") + 1 :]
    return line.endswith(("{", ",")) and line.rfind("{") > line.rfind("}")


def _begins_line(text: str, position: int) -> bool:
    """Whether the first word of a line is at *position*, possibly after a list's ``-``, a quote or pytest's ``E``."""
    before = text[max(0, position - 80) : position].rstrip(" \t").removesuffix("-").rstrip(" \t")
    return not before or before.endswith(("\n", "\\n", '"', "'", "|", ">", "\nE")) or before == "E"


def _begin_of_word(text: str, position: int) -> int:
    least = max(0, position - 64)
    while position > least and (text[position - 1].isalnum() or text[position - 1] in "_-"):
        position -= 1
    return position


def _opens_tuple(text: str, position: int) -> bool:
    return bool(re.search(r"\([ \t]*[bB]?\\{0,8}[\"']\Z", text[max(0, position - 12) : position]))
