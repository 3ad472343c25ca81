"""Text that every sink takes, whatever bytes it came from."""

from __future__ import annotations


def printable(text: str) -> str:
    """*text* as every sink takes it: lone surrogates, which UTF-8 does not have, are written as escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
