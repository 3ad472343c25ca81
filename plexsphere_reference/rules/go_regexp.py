"""Check and match patterns with the semantics of Go's ``regexp`` (RE2, linear time).

Go accepts slightly fewer patterns than the RE2 library; :func:`check` rejects the difference.
"""

from __future__ import annotations

import re
from typing import Any, Final

_LARGEST_PROGRAM: Final = 8 * 1024 * 1024
"""Memory limit of a compiled pattern in bytes. Larger ones take seconds to compile, which blocks all requests."""
_DEEPEST: Final = 1000
_LARGEST_REPETITION: Final = 1000
_TOKEN: Final = re.compile(
    r"\\Q.*?(?:\\E|\Z)"
    r"|\\(?P<escaped>.)"
    r"|\[\^?\]?(?:\\.|\[:\^?\w+:\]|[^\]\\])*\]"
    r"|\{(?P<least>0|[1-9][0-9]*)(?:,(?P<most>0|[1-9][0-9]*|))?\}"
    r"|(?P<opening>\((?:\?P?<(?P<name>\w*)>)?)|(?P<closing>\))",
    re.DOTALL,
)
"""The tokens that :func:`check` inspects; quoted text and character classes match as a whole."""


class InvalidPattern(Exception):
    """Go cannot compile the pattern; the message says why."""


def check(pattern: str) -> None:
    """Check that Go can compile *pattern*.

    Raises:
        InvalidPattern: Go cannot compile it: look-around, back-references and possessive quantifiers do not exist.
    """
    _compiled(pattern)
    names: set[str] = set()
    depth = 0
    for token in _TOKEN.finditer(pattern):
        depth += bool(token["opening"]) - bool(token["closing"])
        name = token["name"]
        if token["escaped"] == "C":
            raise InvalidPattern(r"invalid escape sequence: \C")
        if depth > _DEEPEST:
            raise InvalidPattern("expression nests too deeply")
        # RE2 treats a repetition count that overflows as literal text; Go rejects it.
        if any(int((bound or "0")[:9]) > _LARGEST_REPETITION for bound in (token["least"], token["most"])):
            raise InvalidPattern(f"invalid repeat count: {token[0][:20]}")
        if name is not None and (name in names or not name.isascii()):
            raise InvalidPattern(f"invalid or duplicate name of a capture group: {name}")
        names.add(name or "")


def matches(pattern: str, text: str) -> bool:
    """Return whether *pattern* matches anywhere in *text*, unanchored; ``$`` matches only at the end of the text."""
    return _compiled(pattern).search(text) is not None


def _compiled(pattern: str) -> Any:
    import re2  # takes 10 ms, which would delay the start of the API

    options = re2.Options()
    options.log_errors = False
    options.max_mem = _LARGEST_PROGRAM
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0] if error.args else b""
        raise InvalidPattern(reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)) from error
